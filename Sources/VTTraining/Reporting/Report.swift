import Foundation
import VTCheckpoint
import VTData

/// `report.html`: a run on one page, with nothing to fetch.
package enum Report {
  /// - Parameters:
  ///   - evaluation: of the best weights; nil without validation images.
  ///   - test: of the best weights on the test images, where there are any.
  ///   - data: the run's images.
  package static func write(
    folder: RunFolder, configuration: RunConfiguration, state: TrainingState,
    evaluation: Evaluation?, test: Evaluation? = nil, data: any ImageDataSet
  ) throws {
    let lines = MetricsLog.read(folder.metricsPath)
    let page = ReportPage(
      configuration: configuration, state: state, evaluation: evaluation, test: test,
      data: data, updates: lines.filter { $0["kind"]?.string == "update" },
      epochs: lines.filter { $0["kind"]?.string == "epoch" })
    let file = try OutputFile(folder.reportPath, overwrite: true)
    try file.write(page.html)
    try file.commit()
  }
}
