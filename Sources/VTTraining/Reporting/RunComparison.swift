import Foundation
import VTCheckpoint
import VTCore

/// Several runs side by side: what they came to, and in what their settings differ.
package struct RunComparison {
  /// One run, as its folder tells it.
  package struct Run {
    /// The folder as it was given.
    package let path: String
    package let configuration: RunConfiguration
    /// Lines of `metrics.jsonl`, one an epoch.
    let epochs: [JSON]
    /// Whether its validation images were held out of the training images.
    let holdsOut: Bool

    init(_ path: String) throws {
      let folder = try RunFolder.open(path)
      self.path = path
      configuration = try folder.readConfiguration()
      let store = try? CheckpointFile.open(folder.lastPath)
      holdsOut = store.flatMap { try? NativeMetadata($0) }?.data?["split"]?.members != nil
      epochs = MetricsLog.read(folder.metricsPath).filter { $0["kind"]?.string == "epoch" }
    }

    /// Epochs that were trained, of those of the recipe.
    package var doneCount: Int { epochs.count }
    package var epochCount: Int { configuration.recipe.epochs }
    /// The epoch with the best validation accuracy, the first of equals, or the last where there are no validation images.
    private var best: JSON? {
      let measured = epochs.filter { $0["val_accuracy"]?.double != nil }
      guard let first = measured.first else { return epochs.last }
      return measured.dropFirst().reduce(first) { best, epoch in
        (epoch["val_accuracy"]?.double ?? 0) > (best["val_accuracy"]?.double ?? 0) ? epoch : best
      }
    }
    /// From 1.
    package var bestEpoch: Int? { best?["epoch"]?.int.map { $0 + 1 } }
    /// 0 to 1.
    package var accuracy: Double? { best?["val_accuracy"]?.double }
    package var validationLoss: Double? { best?["val_loss"]?.double }
    package var trainingLoss: Double? { epochs.last?["train_loss"]?.double }
    package var seconds: Double { epochs.reduce(0) { $0 + ($1["seconds"]?.double ?? 0) } }

    /// All that decides the run, by what it is called.
    var settings: [(name: String, value: String)] {
      let recipe = configuration.recipe
      return [
        recipe.drlocSetting, ("checkpoint", configuration.checkpoint ?? "none"), ("data", configuration.data),
        ("teacher", configuration.teacher?.source ?? "none"),
        ("kernels", configuration.instructions?.rawValue ?? "unknown"),
      ]
        + (configuration.metadata.configuration.members ?? []).map { ($0.key, $0.value.text()) }
        + recipe.settings
    }
  }

  package let runs: [Run]
  /// Settings that are not the same in all runs: what they are called, and each run's value; nil where it has none.
  package let differences: [(name: String, values: [String?])]
  /// What keeps the accuracies from being compared.
  package let warnings: [String]

  /// - Throws: `Failure` where a folder holds no run.
  package init(_ paths: [String]) throws {
    runs = try paths.map { try Run($0) }
    differences = RecipeDifferences.among(runs.map(\.settings))
    var warnings: [String] = []
    if Set(runs.map(\.configuration.dataFingerprint)).count > 1 {
      warnings.append("the runs have other images: their accuracies are not of the same ones")
    }
    let splits = runs.filter(\.holdsOut).map {
      "\($0.configuration.recipe.seed) \($0.configuration.recipe.validationFraction)"
    }
    if Set(splits).count > 1 {
      warnings.append(
        "the runs held out other validation images (--seed, --val-fraction): differences of their accuracies scatter by that, too"
      )
    }
    self.warnings = warnings
  }
}
