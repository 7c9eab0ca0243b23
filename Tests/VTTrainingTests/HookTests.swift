import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor

/// What hooks may do with a run: keep numbers, and end it.
struct HookTests {
  /// Ends a run whose mean loss over some updates falls no more.
  private final class Plateau: StatefulHook {
    let name = "plateau"
    private let patience: Int
    private var mean: Float = 0
    /// The best mean, and how many updates ago it was.
    private var best: [Float] = [.greatestFiniteMagnitude, 0]

    init(patience: Int) { self.patience = patience }

    func updated(_ result: StepResult, _ trainer: Trainer) {
      mean = trainer.state.updates == 1 ? Float(result.loss) : 0.7 * mean + 0.3 * Float(result.loss)
      best = mean < best[0] ? [mean, 0] : [best[0], best[1] + 1]
      if Int(best[1]) == patience { trainer.stop("no lower loss in \(patience) updates <here>") }
    }

    func tensors() -> [StoredTensor] {
      [
        StoredTensor(name: "mean", shape: [1], values: [mean]),
        StoredTensor(name: "best", shape: [2], values: best),
      ]
    }

    func restore(_ store: StateDict) throws {
      guard !store.tensors.isEmpty else { return }
      (mean, best) = (try store.values("mean")[0], try store.values("best"))
    }
  }

  /// Calls `stop` when it is told to.
  private final class Stopper: TrainingHook {
    private let update: Int?
    private let epoch: Int?

    init(update: Int? = nil, epoch: Int? = nil) { (self.update, self.epoch) = (update, epoch) }

    func updated(_ result: StepResult, _ trainer: Trainer) {
      if trainer.state.updates == update { trainer.stop("enough") }
    }
    func epochEnded(_ result: EpochResult, _ trainer: Trainer) {
      if result.epoch == epoch { trainer.stop("enough") }
      // The first reason counts.
      if trainer.state.stopReason != nil { trainer.stop("another") }
    }
  }

  private static func trainer(
    _ data: ImageFolder, _ path: String, _ hooks: [any TrainingHook], epochs: Int = 8
  ) throws -> Trainer {
    try TrainerTests.trainer(data, path, recipe: TrainerTests.recipe(epochs: epochs), hooks: hooks)
  }

  private static func resumed(
    _ data: ImageFolder, _ path: String, _ hooks: [any TrainingHook] = [], epochs: Int? = nil
  ) throws -> Trainer {
    try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 2), hooks: hooks) {
      if let epochs { $0.recipe.epochs = epochs }
    }
  }

  @Test func whatAHookKeepsIsSavedAndGivenBack() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try Self.trainer(data, folder.file("whole"), [Plateau(patience: 5)])
    var told: [String] = []
    try whole.run(watch: { if case .told(let text) = $0 { told.append(text) } })
    let reason = "no lower loss in 5 updates <here>"
    #expect(whole.state.stopReason == reason && whole.state.isFinished)
    // Late enough to be interrupted twice.
    #expect((9..<32).contains(whole.state.updates), "\(whole.state.updates) updates")
    #expect(told == ["stopped early: " + reason])

    let path = folder.file("stopped")
    var trainer = try Self.trainer(data, path, [Plateau(patience: 5)])
    for _ in 0..<2 {
      var asked = 0
      _ = #expect(throws: Failure.self) {
        try trainer.run(shouldStop: {
          asked += 1
          return asked > 2
        })
      }
      trainer = try Self.resumed(data, path, [Plateau(patience: 5)])
    }
    let copy = folder.file("copy")
    try RunEditing.copy(path, copy)
    try trainer.run()
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(trainer))
    #expect(TrainerTests.metrics(whole) == TrainerTests.metrics(trainer))
    #expect(trainer.state == whole.state)
    let store = try CheckpointFile.open(trainer.folder.lastPath)
    #expect(try store.values("optimizer.hook.plateau.best")[1] == 5)
    #expect(try !trainer.folder.bestWeights().names.contains { $0.contains("hook") })

    // Without the hook, the run would be another.
    let failure = #expect(throws: Failure.self) { try Self.resumed(data, copy) }
    #expect(failure?.problem == "the run was begun with something that kept this tensor, and goes on without")
    #expect(failure?.tensor == "optimizer.hook.plateau.mean" && failure?.hint?.contains("program") == true)

    // The reason is told again, on the page, too.
    let again = try Self.resumed(data, path, [Plateau(patience: 5)])
    #expect(again.state.isFinished && again.state.stopReason == reason)
    try again.writeReport(again.measure(again.folder.bestWeights()), ReportExtras())
    let page = try String(contentsOfFile: again.folder.reportPath, encoding: .utf8)
    #expect(page.contains("<p>Stopped early: no lower loss in 5 updates &lt;here&gt;.</p>"))
  }

  @Test func aRunThatIsStoppedInAnEpochEndsItThere() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let path = folder.file("run")
    let trainer = try Self.trainer(data, path, [Stopper(update: 6)], epochs: 4)
    var ended: [EpochResult] = []
    try trainer.run(watch: { if case .epochEnded(let result) = $0 { ended.append(result) } })
    #expect(trainer.state.updates == 6 && trainer.state.epoch == 2 && trainer.state.batch == 0)
    #expect(trainer.state.isFinished && trainer.state.stopReason == "enough")
    #expect(ended.map(\.epoch) == [0, 1] && ended.allSatisfy { $0.validation?.count == 9 })

    // It stays finished, until more is asked for.
    #expect(try Self.resumed(data, path).state.isFinished)
    let longer = try Self.resumed(data, path, epochs: 5)
    #expect(!longer.state.isFinished && longer.state.stopReason == nil)
    try longer.run()
    #expect(longer.state.epoch == 5 && longer.state.updates == 6 + 3 * 4 && longer.state.stopReason == nil)
  }

  /// Whoever interrupts the evaluation that follows gets the same end.
  @Test func aStopSurvivesAnInterruption() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try Self.trainer(data, folder.file("whole"), [Stopper(update: 6)], epochs: 4)
    try whole.run()
    let path = folder.file("stopped")
    let trainer = try Self.trainer(data, path, [Stopper(update: 6)], epochs: 4)
    let failure = #expect(throws: Failure.self) {
      try trainer.run(shouldStop: { trainer.state.stopReason != nil })
    }
    #expect(failure?.kind == .interrupted && !trainer.state.isFinished && trainer.state.batch == 2)
    let resumed = try Self.resumed(data, path)
    try resumed.run()
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(resumed))
    #expect(TrainerTests.metrics(whole) == TrainerTests.metrics(resumed))
    #expect(resumed.state == whole.state)
  }

  @Test func theLastEpochEndsNoRunEarly() throws {
    let folder = try TemporaryFolder()
    let trainer = try Self.trainer(
      TrainerTests.data(folder), folder.file("run"), [Stopper(epoch: 0)], epochs: 1)
    var told: [String] = []
    try trainer.run(watch: { if case .told(let text) = $0 { told.append(text) } })
    #expect(trainer.state.isFinished && trainer.state.stopReason == nil && told.isEmpty)
  }
}
