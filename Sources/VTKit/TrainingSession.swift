import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels
import VTTensor
import VTTraining

/// The settings of a new run besides its recipe.
package struct FineTuningOptions {
  /// Whether a classifier that was trained for the same class names stays.
  package var keepsClassifier = true
  package var classes = ClassNames()
  package var preprocessing = PreprocessingChanges()
  /// `FILE`, `FOLDER/` or `DIALECT:FILE`: where the best weights go in the end.
  package var exports: [String] = []
  package var keepsDrloc = false
  /// A checkpoint of a network that the run learns from beside the labels.
  package var teacher: String?
  /// The command line, for the report.
  package var command: [String]?
  /// Whether an earlier run and earlier exports may be replaced.
  package var overwrites = false

  package init() {}
}

/// A run from its beginning, or from where it stopped, to its exports and its report.
package struct TrainingSession {
  package let trainer: Trainer
  private let exports: [ExportTarget]
  private let command: [String]?

  /// A new run.
  /// - Parameters:
  ///   - network: where the run begins; its head is replaced where it is for other classes.
  ///   - images: divided by the recipe's fraction and seed, where they have no validation folder.
  ///   - output: the run folder to make.
  ///   - watch: called with what was chosen and what may be a mistake.
  /// - Throws: `Failure` where anything does not fit; no run folder has been made then.
  package init(
    _ network: Network, on images: any ImageDataSet, recipe: Recipe, output: String,
    _ options: FineTuningOptions = FineTuningOptions(), watch: (TrainingEvent) throws -> Void
  ) throws {
    try ExportTarget.checkPaths(options.exports, run: output, overwrite: options.overwrites)
    try RunChecks.places(
      run: output, data: images.isOnDisk ? images.path : nil, checkpoint: network.path)
    var recipe = recipe
    if options.teacher != nil, recipe.distillationMode == nil { recipe.distillationMode = .hard }
    guard options.teacher != nil || recipe.distillationMode == nil else {
      throw Failure(.usage, "--distillation goes with --teacher FILE: the network to learn from")
    }
    try recipe.validate()
    let images = try images.divided(validationFraction: recipe.validationFraction, seed: recipe.seed)
    let start = try StartingPoint(network, images, recipe, options, watch)
    let teacher = try options.teacher.map { try TeacherNetwork($0, images.classes, start.preprocessing) }
    let exports = try options.exports.map { try ExportTarget($0, metadata: start.metadata) }
    for target in exports { try target.check(start.metadata) }
    let engine = network.usedEngine()
    if recipe.strictData {
      try RunChecks.everyImage(of: images, start.preprocessing, engine, watch: watch)
    }
    var configuration = RunConfiguration(
      recipe: recipe, data: images.isOnDisk ? images.path.absolutePath : images.path,
      dataFingerprint: DataFingerprint.of(images),
      checkpoint: network.path?.absolutePath, metadata: start.metadata, exports: exports.map(\.absolute),
      keepsDrloc: options.keepsDrloc, instructions: engine.instructions, usesTestSplit: images.usesTestSplit,
      matrixLibrary: Engine.matrixLibrary)
    configuration.isDataOfProgram = !images.isOnDisk
    configuration.teacher = teacher?.record
    let memory = try MemoryEstimate(configuration, images)
    try memory.check()
    let folder = try RunFolder.create(output, overwrite: options.overwrites)
    if network.path != nil {
      for note in options.preprocessing.unsettled(network.loaded.notes) {
        try watch(note.kind == .unused ? .warned(note.text.printable) : .noted(note.text.printable))
      }
    }
    try watch(.told(Self.header(configuration, start.preprocessing, memory)))
    try RunChecks.tell(images, earlier: start.earlier, watch: watch)
    try watch(.told(start.classifier))
    if let unfreezing = try Unfreezing(configuration) {
      guard network.path != nil else {
        throw Failure(
          .usage, "--unfreeze-every begins with the head alone, on features of random weights",
          hint: "start from a checkpoint, or leave it out")
      }
      try watch(.told("unfreezing: " + unfreezing.summary(epochs: recipe.epochs)))
    }
    if let teacher {
      try watch(
        .told(
          "teacher: \(teacher.record.source.printable), \(recipe.distillationMode?.rawValue ?? "") answers count \(Int((100 * recipe.distillationWeight).rounded())) %"
        ))
    }
    func begun() throws -> Trainer {
      try Trainer(
        folder: folder, configuration: configuration, weights: start.weights, teacher: teacher?.weights,
        data: images, engine: engine, memory: memory)
    }
    trainer = try network.path.map { try network.loaded.namingOwnTensors($0, begun) } ?? begun()
    (self.exports, command) = (exports, options.command)
    if trainer.leftOutCount > 0 {
      try watch(
        .noted(
          "each epoch leaves out \(trainer.leftOutCount) of the training images, others each time: they do not fill a batch, and batch norm needs whole ones (--no-drop-last uses them)"
        ))
    }
  }

  /// The network, its images and the memory that the run will take.
  private static func header(
    _ configuration: RunConfiguration, _ preprocessing: Preprocessing, _ memory: MemoryEstimate
  ) -> String {
    let shape = configuration.metadata.configuration
    let recipe = configuration.recipe
    let batch =
      recipe.accumulation == 1
      ? "batches of \(recipe.batchSize)" : "updates of \(recipe.accumulation) batches of \(recipe.batchSize)"
    let free = SystemMemory.availableBytes.map { " (\(ByteSize.text($0)) are free)" } ?? ""
    return
      "\(shape["architecture"]?.string ?? "network"), \(String(format: "%.1f", Double(memory.parameterCount) / 1e6)) million parameters, images of \(preprocessing.imageSize) x \(preprocessing.imageSize), \(batch): about \(ByteSize.text(memory.bytes)) of memory\(free)"
  }

  init(_ trainer: Trainer, command: [String]?) throws {
    (self.trainer, self.command) = (trainer, command)
    let configuration = trainer.configuration
    exports = try configuration.exports.map { try ExportTarget($0, metadata: configuration.metadata) }
  }

  /// Trains to the end, measures the best weights, writes the report and the exports, which the report then tells of.
  /// - Parameters:
  ///   - overwrite: whether an export replaces what is in its place, whoever wrote that.
  ///   - shouldStop: asked before every update and batch of evaluation.
  /// - Throws: `Failure` of kind `.interrupted` where `shouldStop` said so, with the state saved.
  package func run(
    overwrite: Bool = false, watch: (TrainingEvent) throws -> Void, shouldStop: () -> Bool
  ) throws -> TrainingRun {
    if trainer.state.isFinished {
      let early = trainer.state.stopReason.map { " (it stopped early: \($0.printable))" } ?? ""
      try watch(.told("the run is finished already\(early); writing its exports and report again"))
      try trainer.run(shouldStop: shouldStop, watch: watch)
    } else {
      try trainer.folder.session(trainer.engine, command: command) {
        try trainer.run(shouldStop: shouldStop, watch: watch)
      }
    }
    if trainer.unreadableCount > 0 { try watch(.warned(Evaluation.unreadable(trainer.unreadableCount))) }
    let weights = try trainer.folder.bestWeights()
    let outcome = try trainer.measure(weights)
    let images = (trainer.configuration.metadata.preprocessing).map { PreprocessingText($0) }
    var extras = ReportExtras(images: images.map { "\($0.geometry); \($0.numbers)" })
    try trainer.writeReport(outcome, extras)
    extras.exports = try export(weights, overwrite: overwrite, watch)
    if !extras.exports.isEmpty { try trainer.writeReport(outcome, extras) }
    return TrainingRun(trainer, outcome)
  }

  /// Writes the exports.
  private func export(
    _ weights: StateDict, overwrite: Bool, _ watch: (TrainingEvent) throws -> Void
  ) throws -> [ReportExport] {
    let configuration = trainer.configuration
    var written: [ReportExport] = []
    var record = ExportRecord(trainer.folder)
    try record.add(configuration.exports)
    for target in exports {
      let isOwn = target.isReplaceable(trainer.folder, record)
      let (notes, told, report) = try record.write(target.path.absolutePath) {
        try target.write(
          weights, metadata: configuration.metadata, keepsDrloc: configuration.keepsDrloc,
          overwrite: overwrite || isOwn)
      }
      for note in notes { try watch(.noted(note)) }
      try watch(.exported(told))
      written.append(report)
    }
    if let path = try trainer.folder.writeAdapter(configuration) {
      try watch(.exported("wrote \(path) (low-rank adapters for PEFT)"))
    }
    return written
  }
}
