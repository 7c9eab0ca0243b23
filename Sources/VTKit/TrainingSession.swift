import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels
import VTTensor
import VTTraining

/// What a new run is told beside its recipe.
package struct FineTuningOptions {
  /// Whether a classifier that was trained for the same class names stays.
  package var keepsClassifier = true
  package var classes = ClassNames()
  package var preprocessing = PreprocessingChanges()
  /// `FILE`, `FOLDER/` or `DIALECT:FILE`: where the best weights go in the end.
  package var exports: [String] = []
  package var keepsDrloc = false
  /// Whether an earlier run and earlier exports may be replaced.
  package var overwrites = false

  package init() {}
}

/// A run from its beginning, or from where it stopped, to its exports and its report.
package struct TrainingSession {
  package let trainer: Trainer
  private let exports: [ExportTarget]

  /// A new run.
  /// - Parameters:
  ///   - network: where the run begins; its head is replaced where it is for other classes.
  ///   - images: divided by the recipe's fraction and seed, where they have no validation folder.
  ///   - output: the run folder to make.
  ///   - watch: told what was chosen, and of what may be a mistake.
  /// - Throws: `Failure` where anything does not fit; no run folder has been made then.
  package init(
    _ network: Network, on images: any ImageDataSet, recipe: Recipe, output: String,
    _ options: FineTuningOptions = FineTuningOptions(), watch: (TrainingEvent) throws -> Void
  ) throws {
    try ExportTarget.checkPaths(options.exports, run: output, overwrite: options.overwrites)
    try RunChecks.places(run: output, data: images.path, checkpoint: network.path)
    let recipe = recipe
    try recipe.validate()
    let images = try images.divided(validationFraction: recipe.validationFraction, seed: recipe.seed)
    let start = try StartingPoint(network, images, recipe, options, watch)
    let exports = try options.exports.map { try ExportTarget($0, metadata: start.metadata) }
    for target in exports { try target.check(start.metadata) }
    let engine = network.usedEngine()
    if recipe.strictData {
      try RunChecks.everyImage(of: images, start.preprocessing, engine, watch: watch)
    }
    let folder = try RunFolder.create(output, overwrite: options.overwrites)
    if network.path != nil {
      for note in options.preprocessing.unsettled(network.loaded.notes) {
        try watch(note.kind == .unused ? .warned(note.text.printable) : .noted(note.text.printable))
      }
    }
    let configuration = RunConfiguration(
      recipe: recipe, data: images.path.absolutePath, dataFingerprint: DataFingerprint.of(images),
      checkpoint: network.path?.absolutePath, metadata: start.metadata, exports: exports.map(\.absolute),
      keepsDrloc: options.keepsDrloc, instructions: engine.instructions, usesTestSplit: images.usesTestSplit,
      matrixLibrary: Engine.matrixLibrary)
    try RunChecks.tell(images, earlier: start.earlier, watch: watch)
    try watch(.told(start.classifier))
    func begun() throws -> Trainer {
      try Trainer(
        folder: folder, configuration: configuration, weights: start.weights, data: images, engine: engine)
    }
    trainer = try network.path.map { try network.loaded.namingOwnTensors($0, begun) } ?? begun()
    self.exports = exports
    if trainer.leftOutCount > 0 {
      try watch(
        .noted(
          "each epoch leaves out \(trainer.leftOutCount) of the training images, others each time: they do not fill a batch, and batch norm needs whole ones (--no-drop-last uses them)"
        ))
    }
  }

  init(_ trainer: Trainer) throws {
    self.trainer = trainer
    let configuration = trainer.configuration
    exports = try configuration.exports.map { try ExportTarget($0, metadata: configuration.metadata) }
  }

  /// Trains to the end, writes the exports, measures the best weights and writes the report.
  /// - Parameters:
  ///   - overwrite: whether an export replaces what lies in its place, whoever wrote that.
  ///   - shouldStop: asked before every update and batch of evaluation.
  /// - Throws: `Failure` of kind `.interrupted` where `shouldStop` said so, with the state saved.
  package func run(
    overwrite: Bool = false, watch: (TrainingEvent) throws -> Void, shouldStop: () -> Bool
  ) throws -> TrainingRun {
    if trainer.state.isFinished {
      try watch(.told("the run is finished already; writing its exports and report again"))
    }
    try trainer.run(shouldStop: shouldStop, watch: watch)
    if trainer.unreadableCount > 0 { try watch(.warned(Evaluation.unreadable(trainer.unreadableCount))) }
    let weights = try trainer.folder.bestWeights()
    let configuration = trainer.configuration
    var record = ExportRecord(trainer.folder)
    try record.add(configuration.exports)
    for target in exports {
      let isOwn = target.isReplaceable(trainer.folder, record)
      let (notes, told) = try record.write(target.path.absolutePath) {
        try target.write(
          weights, metadata: configuration.metadata, keepsDrloc: configuration.keepsDrloc,
          overwrite: overwrite || isOwn)
      }
      for note in notes { try watch(.noted(note)) }
      try watch(.exported(told))
    }
    return TrainingRun(trainer, try trainer.finish(weights))
  }
}

/// What a run starts from: the network with a classifier for the folder's classes.
private struct StartingPoint {
  let metadata: NativeMetadata
  /// nil from scratch.
  let weights: StateDict?
  let preprocessing: Preprocessing
  /// What the weights were trained on before.
  let earlier: TrainingRecord?
  /// What became of the classifier, in words.
  let classifier: String

  init(
    _ network: Network, _ images: any ImageDataSet, _ recipe: Recipe, _ options: FineTuningOptions,
    _ watch: (TrainingEvent) throws -> Void
  ) throws {
    var metadata = network.loaded.metadata
    if let path = network.path {
      try network.loaded.checkDigest(path)
      metadata.provenance = try Provenance.make(path, network.loaded)
    }
    let own =
      network.classCount > 0
      ? try options.classes.names(own: network.classes, count: network.classCount) { event in
        if case .warning(let text) = event { try watch(.warned(text)) }
      } : nil
    let rows: [Int]?
    (rows, classifier) = HeadReplacement.choice(
      of: images.classes, own: own, count: network.classCount,
      namedBy: options.classes.file.map { "\($0) names them" } ?? "the checkpoint names them",
      isWanted: options.keepsClassifier && network.path != nil)
    earlier = try metadata.data.map { try TrainingRecord($0) }
    metadata.configuration = HeadReplacement.configuration(
      metadata.configuration, numClasses: images.classes.count)
    metadata.classes = images.classes
    let note: String?
    (preprocessing, note) = try options.preprocessing.applied(to: network)
    if let note { try watch(.noted(note)) }
    metadata.preprocessing = preprocessing.json
    if network.path != nil {
      var native = network.loaded.native
      native.filter { !$0.name.hasPrefix(LoadedCheckpoint.drlocPrefix) }
      weights = try HeadReplacement.weights(
        native, configuration: metadata.configuration, seed: recipe.seed, rows: rows)
    } else {
      weights = nil
    }
    let split = TrainingRecord.Split(fraction: recipe.validationFraction, seed: recipe.seed)
    metadata.data = TrainingRecord(images, split: split, earlier: earlier).json
    self.metadata = metadata
  }
}
