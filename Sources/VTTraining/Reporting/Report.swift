import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTModels

/// `report.html`: a run on one page, with nothing to fetch.
enum Report {
  /// - Parameter outcome: of the best weights.
  static func write(
    folder: RunFolder, configuration: RunConfiguration, state: TrainingState, outcome: RunOutcome,
    data: any ImageDataSet, network: ReportNetwork, extras: ReportExtras
  ) throws {
    let lines = MetricsLog.read(folder.metricsPath)
    var page = ReportPage(
      configuration: configuration, state: state, evaluation: outcome.evaluation, test: outcome.test,
      data: data, updates: lines.filter { $0["kind"]?.string == "update" },
      epochs: lines.filter { $0["kind"]?.string == "epoch" })
    (page.sessions, page.network, page.extras) = (folder.sessions(), network, extras)
    (page.folder, page.maps) = (folder.path.absolutePath, outcome.maps)
    let file = try OutputFile(folder.reportPath, overwrite: true)
    try file.write(page.html)
    try file.commit()
  }
}

/// What the report says that training itself does not know.
package struct ReportExtras {
  /// What is done to images before the network sees them, in words.
  package var images: String?
  /// What has been written.
  package var exports: [ReportExport] = []

  package init(images: String? = nil) { self.images = images }
}

/// A file or folder with the best weights.
package struct ReportExport {
  package let path: String
  package let dialect: String
  /// The lines that load it in the dialect's library; nil where it has no way.
  package let python: String?

  package init(path: String, dialect: String, python: String?) {
    (self.path, self.dialect, self.python) = (path, dialect, python)
  }
}

/// What the report says of the network beside its configuration.
struct ReportNetwork {
  /// Parameters, without running statistics and without what only training needs.
  var parameterCount = 0
  /// Numbers that training changes, those of adapters and the drloc head with them.
  var trainedCount = 0
  /// The default recipe, with what this network settles.
  var usual = Recipe()

  init() {}

  init(_ trainer: Trainer) {
    let parameters = trainer.model.parameters
    let own = Set(
      (try? Models.parameterDeclarations(trainer.configuration.metadata.configuration))?.map(\.name) ?? [])
    for (name, tensor) in parameters.all {
      if own.contains(name), parameters.declaration(name)?.isRunningStatistic != true {
        parameterCount += tensor.count
      }
    }
    trainedCount = trainer.learningCount
    let recipe = trainer.configuration.recipe
    usual.optimizer = OptimizerSettings(recipe.optimizer.name)
    // What follows from another setting is not one of its own.
    usual.freezesBatchNorm = recipe.freezesBatchNorm
    usual.settle(for: trainer.model)
    usual.freezesBatchNorm = false
  }
}
