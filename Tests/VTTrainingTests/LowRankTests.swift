import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTModels
@testable import VTTensor
@testable import VTTraining

/// Runs that learn low-rank adapters.
struct LowRankTests {
  private static func recipe(_ change: (inout Recipe) -> Void = { _ in }) -> Recipe {
    var recipe = TrainerTests.recipe(epochs: 3)
    recipe.loraRank = 2
    recipe.loraAlpha = 6
    recipe.averageDecay = 0.7
    change(&recipe)
    return recipe
  }

  private static func isTarget(_ name: String) -> Bool { name.hasSuffix(".attn.qkv.weight") }

  @Test(arguments: [false, true])
  func onlyAdaptersAndHeadsLearn(_ recomputes: Bool) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try TrainerTests.trainer(
      data, folder.file("run"), recipe: Self.recipe { $0.recomputes = recomputes })
    let start = try trainer.model.parameters.store()
    var losses: [Double] = []
    try trainer.run(watch: { if case .epochEnded(let result) = $0 { losses.append(result.trainLoss) } })
    #expect(losses[2] < losses[0])
    let last = try CheckpointFile.open(trainer.folder.lastPath)
    var count = 0
    for name in start.names {
      let (before, after) = (try start.values(name), try last.values(name))
      if Self.isTarget(name) {
        count += 1
        #expect(try last.values("optimizer.base." + name) == before)
        let (a, b) = (
          try last.values("optimizer.lora.\(name).a"), try last.values("optimizer.lora.\(name).b")
        )
        let inputs = start[name]!.shape[1]
        let sums = before.indices.map { i in
          let (o, n) = (i / inputs, i % inputs)
          return before[i] + 3 * (a[2 * n] * b[2 * o] + a[2 * n + 1] * b[2 * o + 1])
        }
        expectClose(after, sums, relative: 1e-5, absolute: 1e-6, name)
        #expect(after != before)
      } else {
        let isHead = name.hasPrefix("head.") || name.hasPrefix("drloc.")
        #expect((after != before) == isHead, "\(name)")
      }
    }
    #expect(count == 2)
  }

  @Test func stoppedRunsResumeToTheSameBits() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try TrainerTests.trainer(data, folder.file("whole"), threads: 1, recipe: Self.recipe())
    try whole.run()
    let path = folder.file("stopped")
    var trainer = try TrainerTests.trainer(data, path, recipe: Self.recipe())
    for limit in [3, 6] {
      var asked = 0
      #expect(throws: Failure.self) {
        try trainer.run(shouldStop: {
          asked += 1
          return asked > limit
        })
      }
      trainer = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 2))
    }
    try trainer.run()
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(trainer))
  }

  @Test func theAdapterFolderIsPEFTs() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: Self.recipe())
    try trainer.run()
    let path = try #require(try trainer.folder.writeAdapter(trainer.configuration))
    let store = try CheckpointFile.open(path + "/adapter_model.safetensors")
    let prefix = "base_model.model."
    #expect(
      Set(store.names)
        == Set(
          (0..<2).flatMap {
            ["\(prefix)blocks.\($0).attn.qkv.lora_A.weight", "\(prefix)blocks.\($0).attn.qkv.lora_B.weight"]
          } + [prefix + "head.weight", prefix + "head.bias"]))
    let best = try CheckpointFile.open(trainer.folder.bestPath)
    let name = "blocks.1.attn.qkv"
    let a = try #require(store[prefix + name + ".lora_A.weight"])
    let b = try #require(store[prefix + name + ".lora_B.weight"])
    #expect(a.shape == [2, 24] && b.shape == [72, 2])
    let (av, bv) = (try a.floats(), try b.floats())
    let base = try best.values("optimizer.base.\(name).weight")
    // PEFT: weight + alpha / r · B A.
    let sums = base.indices.map { i in
      let (o, n) = (i / 24, i % 24)
      return base[i] + 3 * (bv[2 * o] * av[n] + bv[2 * o + 1] * av[24 + n])
    }
    expectClose(try best.values(name + ".weight"), sums, relative: 1e-5, absolute: 1e-6)
    let text = try Data(contentsOf: URL(fileURLWithPath: path + "/adapter_config.json"))
    let json = try JSON(parsing: text)
    #expect(json["r"]?.int == 2 && json["lora_alpha"]?.double == 6 && json["peft_type"]?.string == "LORA")
    #expect(json["modules_to_save"]?.array?.compactMap(\.string) == ["head"])
  }

  @Test func mistakesAreNamed() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    for (change, problem) in [
      (
        { $0.loraTargets = ["*.attn.qvk.weight"] }, "--lora-target '*.attn.qvk.weight': no weight of two axes"
      ),
      ({ $0.headOnly = true }, "--lora-rank does not go with --head-only"),
      ({ $0.loraRank = 0 }, "--lora-rank must be at least 1"),
    ] as [((inout Recipe) -> Void, String)] {
      let failure = #expect(throws: Failure.self) {
        try TrainerTests.trainer(data, folder.file("run"), recipe: Self.recipe(change))
      }
      #expect(failure?.kind == .usage && failure?.problem.hasPrefix(problem) == true)
    }
  }
}
