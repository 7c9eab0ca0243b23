import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTTensor
import VTTraining

extension Sweep {
  /// Trains what is not trained yet, seed by seed, and goes on with what was stopped.
  /// - Parameters:
  ///   - engine: made for each run.
  ///   - began: told of each run before it begins, with its place among all.
  ///   - watch: told what happens in it.
  /// - Returns: all outcomes; `sweep.json` and `sweep.html` have them after each run.
  /// - Throws: `Failure` where a run cannot be made, or the folder of one has another recipe; of kind `.interrupted` where
  ///   `shouldStop` said so.
  package func run(
    engine: (InstructionSet?) -> Engine, began: (Setting, UInt64, Int) -> Void,
    watch: (TrainingEvent) throws -> Void, shouldStop: () -> Bool
  ) throws -> SweepResult {
    try RunFolder.makeFolder(output)
    var result = SweepResult(self)
    try result.read(from: output)
    var place = 0
    for seed in seeds {
      for setting in settings {
        place += 1
        let path = path(setting, seed)
        let isBegun = FileManager.default.fileExists(atPath: path + "/config.json")
        if isBegun { try check(path, setting, seed) }
        if isBegun, result.outcomes[setting.name]?[seed] != nil { continue }
        began(setting, seed, place)
        let session =
          isBegun
          ? try TrainingSession(resuming: path, engine: { engine($0) }, watch: watch)
          : try begin(setting, seed, engine(nil), watch)
        let run = try session.run(watch: watch, shouldStop: shouldStop)
        result.add(
          SweepResult.Outcome(validation: run.best.evaluation?.accuracy, test: run.test?.accuracy),
          setting.name, seed)
        try result.write(to: output)
        try SweepPage(sweep: self, result: result).write()
      }
    }
    try SweepPage(sweep: self, result: result).write()
    return result
  }

  private func begin(
    _ setting: Setting, _ seed: UInt64, _ engine: Engine, _ watch: (TrainingEvent) throws -> Void
  ) throws -> TrainingSession {
    var recipe = setting.recipe
    recipe.seed = seed
    var network = try start()
    network.engine = engine
    // What is held out depends on the seed, and is the same for all settings.
    let images = try ImageDataSets.open(
      data, validationFraction: recipe.validationFraction, seed: recipe.seed)
    return try TrainingSession(
      network, on: images, recipe: recipe, output: path(setting, seed), FineTuningOptions(), watch: watch)
  }

  private func start() throws -> Network {
    if let checkpoint { return try Network(contentsOf: checkpoint) }
    guard let name = model?.string else { return try Network(configuration: model ?? .null) }
    return try Network(named: name)
  }

  /// - Throws: `Failure` where a folder's run is of another setting than the file says now.
  private func check(_ path: String, _ setting: Setting, _ seed: UInt64) throws {
    var expected = setting.recipe
    expected.seed = seed
    let found = try RunFolder.open(path).readConfiguration().recipe
    guard found.isSettled(from: expected) else {
      throw Failure(
        .usage, "the run was begun with another recipe than the setting '\(setting.name)' has now",
        file: path,
        hint: "remove the folder, or give the setting another name")
    }
  }
}
