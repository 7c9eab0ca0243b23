import VTCore
import VTData
import VTTraining

/// A run that has come to its end.
public struct TrainingRun {
  /// The run folder.
  public let path: String
  /// The epoch whose weights were the best on the validation images; without such images, the last one.
  public let best: Best
  /// The best weights on the test images; nil where the data has none.
  public let test: Evaluation?
  /// Updates of the weights in all.
  public let updateCount: Int
  /// The best checkpoints, the best first, where the recipe keeps several (`keepBest`).
  package let kept: [(epoch: Int, accuracy: Double, path: String)]
  /// The images that it was trained and measured on.
  package let images: any ImageDataSet

  /// The report: an HTML page with curves, the confusion matrix and the worst errors.
  public var reportPath: String { folder.reportPath }

  private let folder: RunFolder

  /// The best weights of a run.
  public struct Best {
    /// The epoch, counted from 1.
    public let epoch: Int?
    /// How the weights did on the validation images; nil where the data has none.
    public let evaluation: Evaluation?
    /// The part of the validation images that they got right, 0 to 1; NaN where the data has none.
    public var accuracy: Double { evaluation?.accuracy ?? .nan }
    /// The network with these weights. Written without naming a dialect, it gets the names that the weights came with.
    /// - Throws: `Failure` where the run folder is gone or damaged.
    public var network: Network { get throws { try Network(contentsOf: path) } }

    fileprivate let path: String
  }

  init(_ trainer: Trainer, _ outcome: RunOutcome) {
    folder = trainer.folder
    path = folder.path
    images = trainer.data
    best = Best(
      epoch: trainer.state.bestEpoch.map { $0 + 1 }, evaluation: outcome.evaluation, path: folder.bestPath)
    test = outcome.test
    kept = trainer.state.kept.map { ($0.epoch + 1, $0.accuracy, trainer.folder.path(of: $0)) }
    updateCount = trainer.state.updates
  }

  /// Goes on with a run that was stopped or killed, to the same bits as if nothing had happened.
  /// - Parameters:
  ///   - path: the run folder.
  ///   - images: what a run on images of the program's own was begun with; nil for all other runs.
  ///   - watch: called with what happens.
  ///   - shouldStop: asked before every update; where it says so, the run is saved, and `Failure` of kind `.interrupted`
  ///     is thrown.
  /// - Throws: `Failure` where the folder holds no run, another process uses it, or the images are not the same.
  public static func resume(
    _ path: String, on images: (any LabelledImages)? = nil,
    watch: (TrainingEvent) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> TrainingRun {
    try TrainingSession(resuming: path, on: images, watch: watch).run(watch: watch, shouldStop: shouldStop)
  }
}

extension Network {
  /// Trains the network on images in folders by class, with a new classifier for them and, unless the recipe leaves it
  /// out, the dense relative localization loss. A classifier that was trained for the same class names stays.
  ///
  /// The same seed gives the same bits on any number of threads. The run folder gets checkpoints after every epoch and,
  /// in long ones, every two minutes: a run that was stopped goes on with `TrainingRun.resume`.
  /// - Parameters:
  ///   - images: if they have no validation folder, the recipe says how many are held out.
  ///   - recipe: how to train.
  ///   - output: the run folder to make.
  ///   - overwrite: whether an earlier run in the folder may be replaced.
  ///   - watch: called with what happens; what it throws ends the run.
  ///   - shouldStop: asked before every update; where it says so, the run is saved, and `Failure` of kind `.interrupted`
  ///     is thrown.
  /// - Returns: the finished run, with its best weights.
  /// - Throws: `Failure` where anything does not fit, before the folder is made; where the disk is full; where the loss is
  ///   not finite.
  public func fineTune(
    on images: ImageFolder, recipe: Recipe = Recipe(), output: String, overwrite: Bool = false,
    watch: (TrainingEvent) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> TrainingRun {
    try fineTune(images, recipe, output, overwrite, watch, shouldStop)
  }

  /// The same on images that the program has itself, in memory or in a database. `TrainingRun.resume` then wants them,
  /// too: the run folder does not hold them.
  public func fineTune(
    on images: some LabelledImages, recipe: Recipe = Recipe(), output: String, overwrite: Bool = false,
    watch: (TrainingEvent) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> TrainingRun {
    let images = try ImageFolder(images, validationFraction: recipe.validationFraction, seed: recipe.seed)
    return try fineTune(images, recipe, output, overwrite, watch, shouldStop)
  }

  private func fineTune(
    _ images: ImageFolder, _ recipe: Recipe, _ output: String, _ overwrite: Bool,
    _ watch: (TrainingEvent) throws -> Void, _ shouldStop: () -> Bool
  ) throws -> TrainingRun {
    var options = FineTuningOptions()
    options.overwrites = overwrite
    return try TrainingSession(self, on: images, recipe: recipe, output: output, options, watch: watch)
      .run(overwrite: overwrite, watch: watch, shouldStop: shouldStop)
  }
}
