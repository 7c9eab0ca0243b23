import VTCheckpoint
import VTCore
import VTData
import VTTensor
import VTTraining

/// What may be changed of a run that goes on; all else was decided when it began.
package struct ResumeOptions {
  /// Where the same images lie now; nil where they have not moved.
  package var data: String?
  /// Another end; nil keeps the run's.
  package var epochs: Int?
  /// Exports beside the run's own.
  package var exports: [String] = []
  package var overwrites = false
  /// The command line, for the report.
  package var command: [String]?

  package init() {}
}

extension TrainingSession {
  /// The run in a folder, from where it stopped.
  /// - Parameters:
  ///   - own: the program's images, of a run on such.
  ///   - engine: made for the kernels that the run was begun with, where this processor has them.
  ///   - watch: called with what differs from the run's beginning.
  /// - Throws: `Failure` where the folder holds no run, another process uses it, or the images are not the same.
  package init(
    resuming path: String, on own: (any LabelledImages)? = nil, _ options: ResumeOptions = ResumeOptions(),
    engine: (InstructionSet?) throws -> Engine = { Engine(instructions: $0) },
    watch: (TrainingEvent) throws -> Void
  ) throws {
    let folder = try RunFolder.open(path)
    let before = try folder.readConfiguration()
    let engine = try engine(before.instructions)
    try Self.tellDifferences(before, engine, watch)
    try Self.checkOwner(before, own)
    let place = own?.name ?? options.data?.absolutePath ?? before.data
    let images: any ImageDataSet
    do { images = try Self.images(before, own, in: place) } catch var failure as Failure {
      if options.data == nil, own == nil {
        failure.hint = "if the images have moved, tell their folder with --data"
      }
      throw failure
    }
    let targets = try Self.addedExports(options, before, folder)
    let memory = try MemoryEstimate(before, images)
    try memory.check()
    let trainer = try Trainer(resuming: folder, data: images, engine: engine, memory: memory) { run in
      run.data = place
      run.exports += targets
      if let epochs = options.epochs {
        guard epochs > 0 else { throw Failure(.usage, "--epochs must be at least 1") }
        run.recipe.epochs = epochs
        if let warmup = run.recipe.warmupEpochs, warmup > Double(epochs) {
          throw Failure(.usage, "--epochs \(epochs): the run's warm-up lasts \(warmup) epochs")
        }
      }
    }
    let epochs = trainer.configuration.recipe.epochs
    if epochs != before.recipe.epochs {
      try watch(
        .told(
          "going on to epoch \(epochs) rather than \(before.recipe.epochs): the learning rate is that of a run of \(epochs) epochs from here on"
        ))
    }
    try self.init(trainer, command: options.command)
  }

  private static func tellDifferences(
    _ before: RunConfiguration, _ engine: Engine, _ watch: (TrainingEvent) throws -> Void
  ) throws {
    if let begun = before.instructions, begun != engine.instructions {
      try watch(
        .warned(
          "the run was begun with \(begun) kernels and goes on with \(engine.instructions): its last bits will not be those of a run without a pause"
        ))
    }
    if let begun = before.matrixLibrary, begun != Engine.matrixLibrary {
      try watch(
        .warned(
          "the run was begun with \(begun.printable) and goes on with \(Engine.matrixLibrary): its last bits may not be those of a run without a pause"
        ))
    }
  }

  /// Refuses images of the program's own for a run on files, and the other way round.
  private static func checkOwner(_ before: RunConfiguration, _ own: (any LabelledImages)?) throws {
    if before.isDataOfProgram, own == nil {
      throw Failure(
        .usage, "the run's images are those of the program that began it: '\(before.data.printable)'",
        hint: "resume it with that program: TrainingRun.resume(_:on:)")
    }
    if !before.isDataOfProgram, own != nil {
      throw Failure(
        .usage, "the run's images lie in files, and not in the program", file: before.data,
        hint: "resume it without giving images")
    }
  }

  /// A run's images.
  private static func images(
    _ configuration: RunConfiguration, _ own: (any LabelledImages)?, in folder: String
  ) throws -> any ImageDataSet {
    let (fraction, seed) = (configuration.recipe.validationFraction, configuration.recipe.seed)
    if let own { return try ImageFolder(own, validationFraction: fraction, seed: seed) }
    return try ImageDataSets.open(
      folder, validationFraction: fraction, seed: seed, usesTestSplit: configuration.usesTestSplit)
  }

  /// Exports that a resumed run gets beside its own. Its own are checked here, too: before training has taken its time.
  private static func addedExports(
    _ options: ResumeOptions, _ configuration: RunConfiguration, _ folder: RunFolder
  ) throws -> [String] {
    let given = try options.exports.map { try ExportTarget($0, metadata: configuration.metadata) }
    let added = given.filter { !configuration.exports.contains($0.absolute) }
    try ExportTarget.checkPaths(added.map(\.absolute), run: folder.path, overwrite: options.overwrites)
    for target in added { try target.check(configuration.metadata) }
    let record = ExportRecord(folder)
    for text in configuration.exports {
      let target: ExportTarget
      do { target = try ExportTarget(text, metadata: configuration.metadata) } catch var failure as Failure {
        failure.problem = "the run's 'exports': " + failure.problem
        failure.kind = .badInput
        throw failure.located(file: folder.configPath)
      }
      try target.checkOwn(
        folder, record, isGiven: options.overwrites || given.contains { $0.absolute == target.absolute },
        overwrite: options.overwrites)
    }
    return added.map(\.absolute)
  }
}
