import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTTensor
import VTTraining

extension Finetune {
  /// The run in a folder, with what may be changed of it.
  func resumed(_ path: String) throws -> Trainer {
    let folder = try RunFolder.open(path)
    let configuration = try folder.readConfiguration()
    let engine = engineArguments.engine(preferring: configuration.instructions)
    if let begun = configuration.instructions, begun != engine.instructions {
      Console.warning(
        "the run was begun with \(begun) kernels and goes on with \(engine.instructions): its last bits will not be those of a run without a pause"
      )
    }
    if let begun = configuration.matrixLibrary, begun != Engine.matrixLibrary {
      Console.warning(
        "the run was begun with \(begun.printable) and goes on with \(Engine.matrixLibrary): its last bits may not be those of a run without a pause"
      )
    }
    let place = data?.absolutePath ?? configuration.data
    let images: ImageFolder
    do { images = try Self.images(configuration, in: place) } catch var failure as Failure {
      if data == nil { failure.hint = "if the images have moved, tell their folder with --data" }
      throw failure
    }
    let targets = try addedExports(configuration, folder)
    let trainer = try Trainer(resuming: folder, data: images, engine: engine) { run in
      run.data = place
      run.exports += targets
      if GivenOptions.names().contains("--epochs") {
        guard recipeArguments.epochs > 0 else { throw Failure(.usage, "--epochs must be at least 1") }
        run.recipe.epochs = recipeArguments.epochs
        run.recipe.warmupEpochs = min(run.recipe.warmupEpochs, Double(recipeArguments.epochs))
      }
    }
    let epochs = trainer.configuration.recipe.epochs
    if epochs != configuration.recipe.epochs {
      Console.line(
        "going on to epoch \(epochs) rather than \(configuration.recipe.epochs): the learning rate is that of a run of \(epochs) epochs from here on"
      )
    }
    return trainer
  }

  /// Exports that a resumed run gets besides its own. Its own are checked here, too: before training has taken its time.
  private func addedExports(_ configuration: RunConfiguration, _ folder: RunFolder) throws -> [String] {
    let given = try export.map { try ExportTarget($0, metadata: configuration.metadata) }
    let added = given.filter { !configuration.exports.contains($0.absolute) }
    try ExportTarget.checkPaths(added.map(\.absolute), run: folder.path, overwrite: force)
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
        folder, record, isGiven: force || given.contains { $0.absolute == target.absolute }, overwrite: force)
    }
    return added.map(\.absolute)
  }

  /// A run's images.
  private static func images(_ configuration: RunConfiguration, in folder: String) throws -> ImageFolder {
    try ImageFolder(
      folder, validationFraction: configuration.recipe.validationFraction, seed: configuration.recipe.seed,
      usesTestSplit: configuration.usesTestSplit)
  }
}
