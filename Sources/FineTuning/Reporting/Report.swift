import Checkpoint
import Foundation

/// `report.html`: a run on one page, with nothing to fetch.
public enum Report {
  /// - Parameter evaluation: of the best weights; nil without validation pictures.
  public static func write(
    folder: RunFolder, configuration: RunConfiguration, state: TrainingState,
    evaluation: Evaluation?, trainingCount: Int
  ) throws {
    let lines = MetricsLog.read(folder.metricsPath)
    let page = ReportPage(
      configuration: configuration, state: state, evaluation: evaluation,
      trainingCount: trainingCount, updates: lines.filter { $0["kind"]?.string == "update" },
      epochs: lines.filter { $0["kind"]?.string == "epoch" })
    let file = try OutputFile(folder.reportPath, overwrite: true)
    try file.write(page.html)
    try file.commit()
  }
}
