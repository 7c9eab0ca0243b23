import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor

/// What a resume makes of checkpoints that are damaged or missing.
struct RunCheckpointsTests {
  private static func whole(_ data: ImageFolder, _ folder: TemporaryFolder) throws -> Trainer {
    let trainer = try TrainerTests.trainer(data, folder.file("whole"), recipe: TrainerTests.recipe(epochs: 3))
    try trainer.run()
    return trainer
  }

  @Test func aDamagedLastFallsBackToTheOneBefore() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try Self.whole(data, folder)
    let (stopped, run) = (folder.file("stopped"), folder.file("run"))
    try RunEditing.stopped(data, stopped)
    let last = run + "/checkpoints/last.safetensors"
    let damages: [(String, () throws -> Void)] = [
      ("damaged (the content is not what was written", { try RunEditing.flip(last) }),
      ("damaged (the content is not what was written", { try RunEditing.flip(last, byte: 1_000_000) }),
      ("damaged (the file ends before", { try RunEditing.truncate(last) }),
      ("damaged (the file is empty", { try RunEditing.truncate(last, to: 0) }),
      ("missing", { try FileManager.default.removeItem(atPath: last) }),
      // A state that was changed by hand is damage, too.
      (
        "damaged (the content",
        {
          try RunEditing.rewrite(last, sealed: false) { store in
            store.metadata[TrainingState.key] = store.metadata[TrainingState.key]?.replacing(
              "\"updates\":6", with: "\"updates\":5")
          }
        }
      ),
      (
        "damaged (it has no digest",
        {
          try RunEditing.rewrite(last, sealed: false) { $0.metadata[ContentDigest.key] = nil }
        }
      ),
    ]
    for (problem, damage) in damages {
      try RunEditing.copy(stopped, run)
      try damage()
      let (resumed, warnings) = try RunEditing.resume(data, run)
      #expect(warnings.count == 1, "\(warnings)")
      #expect(warnings.first?.hasPrefix("checkpoints/last.safetensors is " + problem) == true, "\(warnings)")
      #expect(
        warnings.first?.hasSuffix("going on from checkpoints/previous.safetensors, at epoch 2, update 4")
          == true)
      #expect(try TrainerTests.bits(resumed) == TrainerTests.bits(whole), "\(problem)")
      #expect(TrainerTests.metrics(resumed) == TrainerTests.metrics(whole), "\(problem)")
    }
  }

  /// A damaged `last` never takes the place of a whole `previous`, whenever the resumed run is stopped.
  @Test func theOneBeforeOutlivesADamagedLast() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let run = folder.file("run")
    try RunEditing.stopped(data, run)
    try RunEditing.flip(run + "/checkpoints/last.safetensors")
    let trainer = try Trainer(resuming: RunFolder.open(run), data: data, engine: Engine(threads: 1))
    _ = #expect(throws: Failure.self) { try trainer.run(shouldStop: { true }) }
    for name in ["last", "previous"] {
      let store = try CheckpointFile.open(run + "/checkpoints/\(name).safetensors")
      #expect(try ContentDigest.check(store, .everything))
      #expect(store.metadata[TrainingState.key]?.contains("\"updates\":4,") == true, "\(name)")
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints").sorted() == [
        "best.safetensors", "last.safetensors", "previous.safetensors",
      ])
  }

  @Test func noWholeCheckpointIsAnError() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let run = folder.file("run")
    try RunEditing.stopped(data, run)
    let names = ["last", "previous", "best"]
    for name in names { try RunEditing.truncate(run + "/checkpoints/\(name).safetensors") }
    let damaged = #expect(throws: Failure.self) { try RunEditing.resume(data, run) }
    #expect(damaged?.kind == .badInput && damaged?.hint?.contains("--force") == true)
    #expect(
      damaged?.problem.contains("no whole checkpoint (last is damaged") == true, "\(damaged?.problem ?? "")")
    for name in names { try FileManager.default.removeItem(atPath: run + "/checkpoints/\(name).safetensors") }
    let missing = #expect(throws: Failure.self) { try RunEditing.resume(data, run) }
    #expect(missing?.problem.hasPrefix("the run has no checkpoint") == true && missing?.kind == .badInput)
  }

  /// `best` is made anew from the checkpoint that holds the same, bit for bit.
  @Test func aLostBestIsMadeAnewWhereItCanBe() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try Self.whole(data, folder)
    let run = folder.file("run")
    try RunEditing.stopped(data, run)
    let best = run + "/checkpoints/best.safetensors"
    let before = try Data(contentsOf: URL(fileURLWithPath: best))
    for damage in [{ try RunEditing.flip(best) }, { try FileManager.default.removeItem(atPath: best) }] {
      try damage()
      _ = try Trainer(resuming: RunFolder.open(run), data: data, engine: Engine(threads: 1))
      #expect(try Data(contentsOf: URL(fileURLWithPath: best)) == before)
    }
    try FileManager.default.removeItem(atPath: best)
    let (resumed, warnings) = try RunEditing.resume(data, run)
    #expect(
      warnings == [
        "checkpoints/best.safetensors is missing: made anew from checkpoints/previous.safetensors, which holds the same"
      ])
    #expect(try TrainerTests.bits(resumed) == TrainerTests.bits(whole))
    let bests = try [resumed, whole].map { try CheckpointFile.sha256($0.folder.bestPath) }
    #expect(bests[0] == bests[1])
  }

  @Test func aBestThatIsLostIsSaidToBe() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let run = folder.file("run")
    try RunEditing.stopped(data, run)
    try FileManager.default.removeItem(atPath: run + "/checkpoints/best.safetensors")
    try FileManager.default.removeItem(atPath: run + "/checkpoints/previous.safetensors")
    let (resumed, warnings) = try RunEditing.resume(data, run)
    #expect(
      warnings.count == 1 && warnings[0].contains("the weights of epoch 1, the best so far, are lost"),
      "\(warnings)")
    #expect(
      resumed.state.bestEpoch ?? 0 >= 1 && FileManager.default.fileExists(atPath: resumed.folder.bestPath))
    // A run that is over cannot find another best: that is an error, not another network.
    try RunEditing.setState(resumed.folder.lastPath, "best_epoch", .int(0))
    try FileManager.default.removeItem(atPath: resumed.folder.bestPath)
    try FileManager.default.removeItem(atPath: resumed.folder.previousPath)
    let failure = #expect(throws: Failure.self) { try RunEditing.resume(data, run) }
    #expect(
      failure?.problem.contains("the run's best weights (epoch 1) are lost") == true,
      "\(failure?.problem ?? "")")
    #expect(failure?.kind == .badInput)
  }

  @Test func numbersThatNoTrainingLeavesAreNamed() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let (stopped, run) = (folder.file("stopped"), folder.file("run"))
    try RunEditing.stopped(data, stopped)
    let moment = "optimizer.exp_avg_sq.blocks.0.mlp.fc1.weight"
    let changes: [(String, Float)] = [
      ("blocks.1.attn.qkv.weight", .nan), ("drloc.0.layers.2.bias", .infinity),
      ("optimizer.exp_avg.head.weight", .nan), (moment, -5), (moment, .infinity),
    ]
    for (tensor, value) in changes {
      try RunEditing.copy(stopped, run)
      try RunEditing.set(run + "/checkpoints/last.safetensors", tensor, value)
      let failure = #expect(throws: Failure.self) { try RunEditing.resume(data, run) }
      #expect(
        failure?.tensor == tensor && failure?.kind == .badInput, "\(tensor): \(failure?.description ?? "")")
      #expect(failure?.file?.hasSuffix("last.safetensors") == true)
    }
  }
}
