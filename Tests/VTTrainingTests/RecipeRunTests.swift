import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// Whole runs with what a recipe can ask for.
struct RecipeRunTests {
  struct Freezing: Sendable {
    var names: [String] = []
    var blocks: Int?
  }

  /// Without anything random but the order.
  private static func plain(epochs: Int = 1) -> Recipe {
    var recipe = TrainerTests.recipe(epochs: epochs)
    recipe.dropout = 0
    recipe.dropPath = 0
    recipe.dropsLastBatch = false
    return recipe
  }

  /// Everything at once.
  private static func everything() -> Recipe {
    var recipe = TrainerTests.recipe(epochs: 4)
    recipe.batchSize = 3
    recipe.accumulation = 2
    recipe.dropsLastBatch = false
    recipe.averageDecay = 0.9
    recipe.patience = 3
    recipe.layerDecay = 0.7
    recipe.frozenBlocks = 0
    recipe.mixup = 0.8
    recipe.cutmix = 1
    recipe.mixProbability = 0.7
    recipe.sampling = .balanced
    recipe.repeats = 2
    recipe.optimizer = OptimizerSettings("lion")
    recipe.schedule = .oneCycle
    return recipe
  }

  private static func updates(_ trainer: Trainer) throws -> [StepResult] {
    var results: [StepResult] = []
    try trainer.run(watch: { if case .updated(_, _, let result) = $0 { results.append(result) } })
    return results
  }

  @Test func theLastImagesOfAnEpochAreUsed() throws {
    let folder = try TemporaryFolder()
    let trainer = try TrainerTests.trainer(
      TrainerTests.data(folder), folder.file("run"), recipe: Self.plain())
    let counts = try Self.updates(trainer).map(\.count)
    // 21 images that can be read and one that cannot.
    #expect(counts.reduce(0, +) == 21 && counts.count == 5 && trainer.leftOutCount == 0)
  }

  @Test func accumulatedBatchesLearnWhatALargeBatchLearns() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var (large, small) = (Self.plain(), Self.plain())
    large.batchSize = 8
    (small.batchSize, small.accumulation) = (2, 4)
    let one = try TrainerTests.trainer(data, folder.file("large"), recipe: large)
    let four = try TrainerTests.trainer(data, folder.file("small"), recipe: small)
    let (expected, actual) = (try Self.updates(one), try Self.updates(four))
    #expect(expected.count == 3 && actual.map(\.count) == expected.map(\.count))
    for (a, b) in zip(actual, expected) {
      for loss in b.losses.all {
        expectClose([a.losses[loss.name] ?? .nan], [loss.value], relative: 1e-4, loss.name)
      }
      expectClose([a.gradientNorm], [b.gradientNorm], relative: 1e-4)
    }
  }

  @Test func everythingAtOnceResumesToTheSameBitsOnAnyThreads() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try TrainerTests.trainer(data, folder.file("whole"), threads: 1, recipe: Self.everything())
    let results = try Self.updates(whole)
    #expect(
      results.count >= 12 && results.contains { $0.learningRate == whole.configuration.recipe.learningRate })
    let path = folder.file("stopped")
    var trainer = try TrainerTests.trainer(data, path, recipe: Self.everything())
    for limit in [2, 5, 9] {
      var asked = 0
      let failure = #expect(throws: Failure.self) {
        try trainer.run(shouldStop: {
          asked += 1
          return asked > limit
        })
      }
      #expect(failure?.kind == .interrupted)
      trainer = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 2))
    }
    try trainer.run()
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(trainer))
    #expect(TrainerTests.metrics(whole) == TrainerTests.metrics(trainer))
  }

  @Test func theAverageIsWhatIsKeptAndMeasured() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = Self.plain(epochs: 2)
    recipe.averageDecay = 0.8
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: recipe)
    var accuracy: Double?
    try trainer.run(watch: {
      if case .epochEnded(let result) = $0, result.isBest { accuracy = result.validation?.accuracy }
    })
    let best = try trainer.folder.bestWeights()
    let stored = try CheckpointFile.open(trainer.folder.bestPath)
    let trained = try stored.values("optimizer.trained.head.weight")
    let head = try best.values("head.weight")
    #expect(trained != head && !best.names.contains { $0.hasPrefix("optimizer.") })
    let model = try Models.make(
      trainer.configuration.metadata.configuration, weights: best, engine: Engine(threads: 1))
    let evaluation = try Evaluation.run(
      model, data.validation, of: data, preprocessing: Preprocessing(imageSize: 24), batchSize: 5,
      engine: Engine(threads: 1))
    #expect(evaluation.accuracy == accuracy)
  }

  @Test func aRunEndsWhereItGetsNoBetter() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = Self.plain(epochs: 30)
    recipe.learningRate = 1e-12
    recipe.patience = 2
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: recipe)
    var told: [String] = []
    try trainer.run(watch: { if case .told(let text) = $0 { told.append(text) } })
    #expect(trainer.state.isFinished && trainer.state.epoch == 3)
    #expect(told == ["stopped early: no better accuracy in 2 epochs (--patience 2)"])
    let again = try Trainer(
      resuming: RunFolder.open(trainer.folder.path), data: data, engine: Engine(threads: 1))
    #expect(again.state.isFinished && told == ["stopped early: " + (again.state.stopReason ?? "")])
    let longer = try Trainer(
      resuming: RunFolder.open(trainer.folder.path), data: data, engine: Engine(threads: 1)
    ) { $0.recipe.epochs = 31 }
    #expect(!longer.state.isFinished && longer.state.stopReason == nil)
  }

  @Test func frozenParametersStay() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = Self.plain()
    recipe.frozenBlocks = 1
    recipe.freeze = ["blocks.1.mlp.*", "norm.weight"]
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: recipe)
    let before = try trainer.model.parameters.store()
    try trainer.run()
    for (name, tensor) in trainer.model.parameters.all {
      let isFrozen =
        name.hasPrefix("blocks.0.") || name.hasPrefix("blocks.1.mlp.") || name == "norm.weight"
        || ["pos_embed", "cls_token"].contains(name) || name.hasPrefix("patch_embed.")
      #expect((tensor.values == (try before.values(name))) == isFrozen, "\(name)")
    }
  }

  @Test(arguments: [
    (Freezing(names: ["block.0.*"]), "--freeze 'block.0.*': no parameter has such a name"),
    (Freezing(blocks: 3), "--freeze-blocks 3: the network has 2 blocks"),
    (Freezing(names: ["*"]), "every parameter is frozen: there is nothing to train"),
  ])
  func whatCannotBeFrozenIsSaid(_ freezing: Freezing, _ problem: String) throws {
    let folder = try TemporaryFolder()
    var recipe = Self.plain()
    (recipe.freeze, recipe.frozenBlocks) = (freezing.names, freezing.blocks)
    let failure = #expect(throws: Failure.self) {
      try TrainerTests.trainer(TrainerTests.data(folder), folder.file("run"), recipe: recipe)
    }
    #expect(failure?.kind == .usage && failure?.problem == problem)
    #expect(!FileManager.default.fileExists(atPath: folder.file("run/config.json")))
  }

  @Test func blocksNearTheInputLearnSlower() throws {
    let depths = try Models.parameterDepths(TrainerTests.configuration)
    let rule = LayerDecay(0.5, depths: depths)
    func rate(_ name: String) -> Double {
      var factors = UpdateFactors()
      rule.apply(to: &factors, ParameterDeclaration(name, [2, 2], .zeros))
      return factors.learningRate
    }
    let names = [
      "head.weight", "drloc.0.layers.0.weight", "blocks.1.mlp.fc1.weight", "blocks.0.norm1.weight",
      "patch_embed.proj.weight", "pos_embed",
    ]
    #expect(names.map(rate) == [1, 1, 0.5, 0.25, 0.125, 0.125])
  }

  @Test func epochsShowWhatSamplingSays() throws {
    let images = (0..<20).map { Sample(id: "\($0)", label: $0 < 18 ? 0 : 1) }
    func order(_ sampling: Sampling, repeats: Int, epoch: Int = 0) -> SampleOrder {
      SampleOrder(images, classes: 2, sampling, repeats: repeats, epoch: epoch, seed: 3)
    }
    #expect(order(.shuffled, repeats: 1).places.sorted() == Array(0..<20))
    let repeated = order(.shuffled, repeats: 3)
    #expect(repeated.places.count == 20 && Set(repeated.places).count == 20)
    for group in stride(from: 0, to: 18, by: 3) {
      let place = repeated.places[group]
      #expect(Array(repeated.places[group..<group + 3]) == [place, place + 20, place + 40])
    }
    let balanced = order(.balanced, repeats: 1)
    let labels = balanced.places.map { images[balanced.image($0)].label }
    #expect(labels.count { $0 == 1 } > 4 && labels.count { $0 == 0 } > 4)
    #expect(Set(balanced.places).count == 20)
    #expect(order(.balanced, repeats: 1, epoch: 1).places != balanced.places)
    #expect(images.balancedWeights(classes: 2) == [Float(20.0 / 36), 5])
  }
}
