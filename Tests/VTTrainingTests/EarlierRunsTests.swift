import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor

/// Run folders that an earlier version wrote: `fixtures/runs`.
struct EarlierRunsTests {
  private static let folder = Fixtures.root + "/fixtures/runs"

  private static func images() throws -> ImageFolder { try ImageFolder(folder + "/images") }

  /// A copy of a folder, resumed with the kernels it was begun with and trained to its end.
  private static func resumed(_ name: String, in temporary: TemporaryFolder) throws -> Trainer {
    let path = temporary.file(name)
    try RunEditing.copy(folder + "/" + name, path)
    let trainer = try Trainer(
      resuming: RunFolder.open(path), data: images(), engine: Engine(threads: 2, instructions: .scalar))
    try trainer.run(watch: { event in
      if case .warned(let text) = event { Issue.record("\(name): \(text)") }
    })
    return trainer
  }

  @Test func theSameRecipeGivesTheSameBitsAsInTheVersionBefore() throws {
    let temporary = try TemporaryFolder()
    let old = try Self.resumed("begun", in: temporary)
    let new = try Trainer(
      folder: RunFolder.create(temporary.file("new"), overwrite: false), configuration: old.configuration,
      weights: nil, data: Self.images(), engine: Engine(threads: 1, instructions: .scalar))
    try new.run()
    #expect(old.state.updates == 18 && old.state.isFinished)
    #expect(try TrainerTests.bits(old) == TrainerTests.bits(new))
    #expect(TrainerTests.metrics(old) == TrainerTests.metrics(new))
  }

  @Test func stoppedRunsOfTheVersionBeforeGoOnToTheirEnd() throws {
    let temporary = try TemporaryFolder()
    let trainer = try Self.resumed("stopped", in: temporary)
    #expect(trainer.state.updates == 18 && trainer.state.isFinished)
    let end = try CheckpointFile.open(Self.folder + "/end.safetensors")
    let last = try CheckpointFile.open(trainer.folder.lastPath)
    #expect(Set(end.names) == Set(last.names))
    for tensor in end.tensors {
      // The keys' bias has no gradient but rounding noise, which Adam blows up.
      let tolerance = tensor.name == "blocks.0.attn.qkv.bias" ? 1e-3 : 1e-5
      expectCloseToLargest(try last.values(tensor.name), try tensor.floats(), tolerance, tensor.name)
    }
    let lines = MetricsLog.read(trainer.folder.metricsPath)
    #expect(lines.compactMap { $0["update"]?.int }.last == 18 && lines.count == 21)
  }

  @Test func everyOptionOfTheVersionBeforeIsUnderstood() throws {
    let path = Self.folder + "/every-option.json"
    let run = try RunConfiguration(JSON(parsing: Data(contentsOf: URL(fileURLWithPath: path))))
    var expected = Recipe()
    expected.epochs = 7
    expected.batchSize = 3
    expected.learningRate = 3e-3
    expected.minimumLearningRate = 2e-6
    expected.warmupLearningRate = 4e-6
    expected.warmupEpochs = 1.5
    expected.schedule = .linear
    expected.followsReferenceSchedule = true
    expected.dropsLastBatch = true
    expected.optimizer.weightDecay = 0.07
    expected.optimizer.clipNorm = nil
    expected.labelSmoothing = 0.2
    expected.dropPath = 0.3
    expected.dropout = 0.15
    expected.cropScale = [0.6, 1]
    expected.flipProbability = 0
    expected.drloc = DrlocOptions(
      target: .reference, isSigned: true, normalizes: true, pairs: 5, weight: 0.25, scheduleWarmupEpochs: 3)
    expected.freezesBatchNorm = true
    expected.recomputes = true
    expected.headOnly = true
    expected.seed = 12_345_678_901_234_567_890
    expected.validationFraction = 0.4
    expected.strictData = true
    #expect(run.recipe == expected)
    #expect(run.lacking.isEmpty && run.instructions == .scalar)
  }

  /// In the middle of an epoch, with the drloc loss.
  @Test func statesOfTheVersionBeforeAreUnderstood() throws {
    let text = """
      {"epoch":2,"batch":8,"updates":24,"best_accuracy":0.3333333333333333,"best_epoch":0,"finished":false,\
      "sums":{"loss":27.1475168466568,"cross_entropy":26.075918555259705,"drloc":6.429589122533798,\
      "gradient_norm":36.37538430868187,"correct":10,"count":24}}
      """
    let state = try TrainingState(JSON(parsing: text))
    #expect(state.epoch == 2 && state.batch == 8 && state.updates == 24 && !state.isFinished)
    #expect(state.bestAccuracy == 1.0 / 3 && state.bestEpoch == 0)
    #expect(state.sums.count == 24 && state.sums.correct == 10)
    #expect(state.json.text() == text)
  }
}
