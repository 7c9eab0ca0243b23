import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor

/// Runs that keep several of their best checkpoints.
struct KeepBestTests {
  private static func recipe(keeping count: Int, epochs: Int = 6) -> Recipe {
    var recipe = TrainerTests.recipe(epochs: epochs)
    (recipe.keepBest, recipe.saveEvery) = (count, .updates(3))
    recipe.averageDecay = 0.9
    return recipe
  }

  private static func files(_ run: String) throws -> [String: Data] {
    let folder = run + "/checkpoints"
    return try Dictionary(
      uniqueKeysWithValues: FileManager.default.contentsOfDirectory(atPath: folder).map { name in
        (name, try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
      })
  }

  /// The epochs with the best accuracies by the log, the better and then the earlier first.
  private static func best(_ trainer: Trainer, _ count: Int) -> [(epoch: Int, accuracy: Double)] {
    let epochs = MetricsLog.read(trainer.folder.metricsPath).compactMap { line in
      line["val_accuracy"]?.double.map { (epoch: line["epoch"]?.int ?? -1, accuracy: $0) }
    }
    return Array(
      epochs.sorted { $0.accuracy > $1.accuracy || $0.accuracy == $1.accuracy && $0.epoch < $1.epoch }
        .prefix(count))
  }

  @Test func theBestStayAndTheRestGo() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: Self.recipe(keeping: 3))
    try trainer.run()
    let best = Self.best(trainer, 3)
    #expect(trainer.state.kept.map(\.epoch) == best.map(\.epoch) && best.count == 3)
    #expect(trainer.state.kept.map(\.accuracy) == best.map(\.accuracy))
    #expect(trainer.state.bestEpoch == best[0].epoch)
    let files = try Self.files(trainer.folder.path)
    #expect(
      Set(files.keys)
        == Set(["best", "last", "previous"].map { $0 + ".safetensors" } + trainer.state.kept.map(\.name)))
    let name = "epoch-\(best[0].epoch + 1)-accuracy-\(String(format: "%.4f", best[0].accuracy)).safetensors"
    #expect(files[name] == files["best.safetensors"])
    // Each is a whole checkpoint, whose weights have the accuracy that its name says.
    for kept in trainer.state.kept {
      let store = try CheckpointFile.open(trainer.folder.path(of: kept))
      #expect(try ContentDigest.check(store, .everything))
      var weights = store
      weights.filter { !OptimizerState.owns($0.name) }
      #expect(try trainer.measure(weights).evaluation?.accuracy == kept.accuracy, "\(kept)")
    }
    let outcome = RunOutcome(evaluation: nil, test: nil)
    try trainer.writeReport(outcome, ReportExtras())
    let page = try String(contentsOfFile: trainer.folder.reportPath, encoding: .utf8)
    #expect(trainer.state.kept.allSatisfy { page.contains("checkpoints/\($0.name)") })
  }

  /// A run that is killed after any update, or stopped at it, and goes on: the same files with the same bits.
  @Test func killedAndStoppedRunsKeepTheSame() throws {
    struct Died: Error {}
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try TrainerTests.trainer(data, folder.file("whole"), recipe: Self.recipe(keeping: 2))
    try whole.run()
    let expected = try Self.files(whole.folder.path)
    let path = folder.file("run")
    var trainer = try TrainerTests.trainer(data, path, recipe: Self.recipe(keeping: 2))
    var life = 0
    while !trainer.state.isFinished {
      life += 1
      let begin = trainer.state.updates
      do {
        // The third update from here is the last, and of every other life without a word.
        try trainer.run(
          shouldStop: { life % 2 == 0 && trainer.state.updates >= begin + 3 },
          watch: { event in
            if case .updated = event, life % 2 == 1, trainer.state.updates == begin + 5 { throw Died() }
          })
      } catch is Died {} catch let failure as Failure { #expect(failure.kind == .interrupted) }
      // As if it had ended between the writing of a checkpoint and that of `last`.
      try Data("x".utf8).write(
        to: URL(fileURLWithPath: path + "/checkpoints/epoch-9-accuracy-0.1000.safetensors"))
      try Data("x".utf8).write(
        to: URL(
          fileURLWithPath: path + "/checkpoints/epoch-8-accuracy-0.1000.safetensors.partial-1"))
      trainer = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: life % 2 + 1))
    }
    #expect(life > 4)
    var found = try Self.files(path)
    // It depends on where saves were.
    found["previous.safetensors"] = expected["previous.safetensors"]
    #expect(found == expected)
    #expect(TrainerTests.metrics(whole) == TrainerTests.metrics(trainer))
  }

  @Test func whatIsMissingIsMadeAnewOrSaid() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: Self.recipe(keeping: 2))
    try trainer.run()
    let (run, kept) = (trainer.folder.path, trainer.state.kept)
    let before = try Self.files(run)
    // `best` is another name of the first.
    for names in [[kept[0].name], ["best.safetensors"]] {
      for name in names { try FileManager.default.removeItem(atPath: run + "/checkpoints/" + name) }
      let (_, warnings) = try RunEditing.resume(data, run)
      #expect(warnings.count == 1 && warnings[0].contains("made anew from checkpoints/"), "\(warnings)")
      #expect(try Self.files(run) == before)
    }
    try FileManager.default.removeItem(atPath: trainer.folder.path(of: kept[1]))
    let (resumed, warnings) = try RunEditing.resume(data, run)
    let isLast = kept[1].epoch == trainer.state.epoch - 1
    #expect(warnings.count == 1 && warnings[0].hasPrefix("checkpoints/\(kept[1].name)"), "\(warnings)")
    #expect(resumed.state.kept == (isLast ? kept : [kept[0]]))
  }

  @Test func ofEqualsTheEarlierStays() throws {
    var state = TrainingState()
    let accuracies = [0.5, 0.75, 0.5, 0.75, 0.25, 0.8]
    let kept = accuracies.enumerated().map { state.keep($0, $1, most: 3)?.epoch }
    #expect(kept == [0, 1, 2, 3, nil, 5])
    #expect(state.kept.map(\.epoch) == [5, 1, 3])
    (state.epoch, state.updates) = (6, 6)
    var recipe = Recipe()
    recipe.keepBest = 3
    try state.check(recipe, batches: 1)
    #expect(try TrainingState(JSON(parsing: state.json.text())).kept == state.kept)
    // What no run leaves.
    for (change, most) in [
      ({ $0.kept.swapAt(0, 1) }, 3), ({ $0.kept.swapAt(1, 2) }, 3), ({ _ in }, 2), ({ _ in }, 1),
      ({ ($0.epoch, $0.updates) = (5, 5) }, 3), ({ $0.kept[0] = $0.kept[1] }, 3),
    ] as [((inout TrainingState) -> Void, Int)] {
      var (wrong, recipe) = (state, recipe)
      change(&wrong)
      recipe.keepBest = most
      let failure = #expect(throws: Failure.self) { try wrong.check(recipe, batches: 1) }
      #expect(failure?.problem.contains("'kept'") == true)
    }
  }

  /// A run that keeps `best` alone is what it was before there was a choice.
  @Test func usualRunsSayNothingOfIt() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: TrainerTests.recipe(epochs: 2))
    try trainer.run()
    #expect(try Self.files(trainer.folder.path).count == 3)
    #expect(trainer.state.json["kept"] == nil && trainer.state.json["releases"] == nil)
  }

  @Test func withoutValidationImagesItIsRefused() throws {
    let folder = try TemporaryFolder()
    _ = try TrainerTests.data(folder)
    try FileManager.default.removeItem(atPath: folder.file("data/val"))
    let data = try ImageFolder(folder.file("data/train"), validationFraction: 0, seed: 0)
    let failure = #expect(throws: Failure.self) {
      try TrainerTests.trainer(data, folder.file("run"), recipe: Self.recipe(keeping: 2))
    }
    #expect(failure?.problem == "--keep-best needs validation images, and there are none")
  }

  @Test(arguments: [
    ("12", SaveInterval.updates(12)), ("2min", .minutes(2)), ("0.5min", .minutes(0.5)),
  ])
  func savingIsAskedForInUpdatesOrMinutes(_ text: String, _ interval: SaveInterval) throws {
    var recipe = Recipe()
    try recipe.apply([.init("saveEvery", .string(text))])
    #expect(recipe.saveEvery == interval)
    var again = Recipe()
    try again.overlay(recipe.json)
    #expect(again == recipe)
    for wrong in ["0", "-1", "0min", "soon", "5s"] {
      #expect(throws: Failure.self, "\(wrong)") {
        var recipe = Recipe()
        try recipe.apply([.init("saveEvery", .string(wrong))])
        try recipe.validate()
      }
    }
  }
}
