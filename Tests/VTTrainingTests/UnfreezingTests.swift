import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTModels
@testable import VTTensor
@testable import VTTraining

/// Runs that begin with the head alone and let the blocks learn one after another.
struct UnfreezingTests {
  /// The network has two blocks: with what is in front of them, three parts.
  private static func recipe(every: Int = 1, epochs: Int = 5) -> Recipe {
    var recipe = TrainerTests.recipe(epochs: epochs)
    recipe.unfreezeEvery = every
    recipe.layerDecay = 0.8
    return recipe
  }

  private static func values(_ trainer: Trainer) -> [String: [Float]] {
    Dictionary(uniqueKeysWithValues: trainer.model.parameters.all.map { ($0.name, $0.tensor.values) })
  }

  /// The epoch from which on a parameter of the network learns, where one is released with every epoch.
  private static func begin(_ name: String) -> Int {
    name.hasPrefix("head.") || name.hasPrefix("drloc.")
      ? 0 : name.hasPrefix("blocks.1.") || name.hasPrefix("norm.") ? 1 : name.hasPrefix("blocks.0.") ? 2 : 3
  }

  @Test(arguments: [1, 2])
  func aFrozenBlockIsUntouchedToTheBitUntilItsEpoch(_ every: Int) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try TrainerTests.trainer(
      data, folder.file("run"), recipe: Self.recipe(every: every, epochs: 4 * every))
    let first = Self.values(trainer)
    var changed: [String: Int] = [:]
    var told: [String] = []
    try trainer.run(watch: { event in
      if case .told(let text) = event { told.append(text) }
      guard case .updated(let epoch, _, _) = event else { return }
      for (name, values) in Self.values(trainer) where changed[name] == nil {
        if values.map(\.bitPattern) != first[name]?.map(\.bitPattern) { changed[name] = epoch }
      }
    })
    #expect(changed.count == first.count && first.count > 30)
    for (name, epoch) in changed { #expect(epoch == every * Self.begin(name), "\(name)") }
    #expect(
      told == [
        "epoch \(every + 1): block 2 of 2 learns from here on",
        "epoch \(2 * every + 1): block 1 of 2 learns from here on",
        "epoch \(3 * every + 1): what is in front of the blocks learns from here on",
      ])
    #expect(trainer.state.releases == [4, 8, 12].map { $0 * every })
  }

  /// Stopped before every update, on one thread and on two, with all that a run keeps of its weights.
  @Test(arguments: [AdamW.name, Lion.name, SGD.name])
  func stoppedAtAnyUpdateItResumesToTheSameBits(_ optimizer: String) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = Self.recipe()
    recipe.optimizer = OptimizerSettings(optimizer)
    recipe.averageDecay = 0.9
    recipe.keepBest = 2
    let whole = try TrainerTests.trainer(data, folder.file("whole"), threads: 2, recipe: recipe)
    try whole.run()
    let path = folder.file("stopped")
    var trainer = try TrainerTests.trainer(data, path, threads: 1, recipe: recipe)
    var stops = 0
    while !trainer.state.isFinished {
      let begin = trainer.state.updates
      do { try trainer.run(shouldStop: { trainer.state.updates > begin }) } catch let failure as Failure {
        #expect(failure.kind == .interrupted)
      }
      stops += 1
      trainer = try Trainer(
        resuming: RunFolder.open(path), data: data, engine: Engine(threads: stops % 2 + 1))
    }
    #expect(stops >= 20 && whole.state.releases == trainer.state.releases)
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(trainer))
    #expect(TrainerTests.metrics(whole) == TrainerTests.metrics(trainer))
    #expect(whole.state.kept == trainer.state.kept)
    for path in [whole.folder.bestPath] + whole.state.kept.map({ whole.folder.path(of: $0) }) {
      let other = path.replacing("/whole/", with: "/stopped/")
      #expect(try CheckpointFile.sha256(path) == CheckpointFile.sha256(other), "\(path)")
    }
  }

  /// The averages of weights that do not learn yet are these weights, to the bit.
  @Test func averagesBeginWithTheirBlock() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = Self.recipe(epochs: 2)
    recipe.averageDecay = 0.7
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: recipe)
    let first = Self.values(trainer)
    try trainer.run()
    let last = try CheckpointFile.open(trainer.folder.lastPath)
    for (name, values) in first {
      let isFrozen = Self.begin(name) >= 2
      #expect((try last.values(name) == values) == isFrozen, "\(name)")
      #expect((last["optimizer.trained." + name] == nil) == isFrozen, "\(name)")
      #expect((last["optimizer.exp_avg." + name] == nil) == isFrozen, "\(name)")
    }
  }

  /// A block's first update is that of an optimizer that begins, however many updates there were before: Adam's corrections
  /// count from there.
  @Test(arguments: [AdamW.name, Lion.name, SGD.name])
  func theOptimizerCountsFromTheRelease(_ name: String) throws {
    let engine = Engine(threads: 1)
    let settings = OptimizerSettings(name, clipNorm: nil)
    func parameters() throws -> Parameters {
      let parameters = Parameters(engine: engine)
      let weights = try StateDict([
        StoredTensor(name: "early", shape: [3], values: [0.5, -1, 2]),
        StoredTensor(name: "late", shape: [3], values: [0.25, 1.5, -0.75]),
      ])
      try parameters.add(
        ["early", "late"].map { ParameterDeclaration($0, [3], .zeros) }, weights: weights, seed: 0)
      return parameters
    }
    func steps(_ state: OptimizerState, _ parameters: Parameters, _ count: Int) -> [[Float]] {
      (0..<count).map { _ in
        parameters.clearGradients()
        for (_, tensor) in parameters.all {
          Tape(engine, recording: true).backward(from: tensor, cotangent: [0.1, -0.02, 3])
        }
        state.measureGradients(loss: engine.zeros([1]))
        state.step(learningRate: 0.01)
        #expect(state.finishStep() != nil)
        return parameters["late"].values
      }
    }
    let (fresh, late) = (try parameters(), try parameters())
    let own = try OptimizerState(fresh, settings, engine: engine)
    let state = try OptimizerState([late], settings, begins: ["late": 7], engine: engine)
    let slots = own.tensors().filter { $0.name.hasSuffix("early") }
    try state.restore(StateDict(slots), of: name, updates: 7, without: ["late"])
    #expect(steps(own, fresh, 4) == steps(state, late, 4))
    // Of a parameter that learned before, its state is wanted.
    #expect(throws: Failure.self) { try state.restore(StateDict(slots), of: name, updates: 7) }
  }

  /// Blocks that stay frozen are no part, and a cache keeps what they give.
  @Test func whatStaysFrozenNeverLearns() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = Self.recipe(epochs: 3)
    (recipe.frozenBlocks, recipe.augments, recipe.dropPath, recipe.dropout) = (1, false, 0, 0)
    recipe.cacheSize = 1 << 24
    let trainer = try TrainerTests.trainer(data, folder.file("run"), recipe: recipe)
    let first = Self.values(trainer)
    try trainer.run()
    #expect(trainer.state.releases == [4])
    for (name, values) in Self.values(trainer) {
      #expect((values == first[name]) == (Self.begin(name) >= 2), "\(name)")
    }
    let path = folder.file("stopped")
    var stopped = try TrainerTests.trainer(data, path, threads: 1, recipe: recipe)
    for limit in [3, 5, 9] {
      #expect(throws: Failure.self) { try stopped.run(shouldStop: { stopped.state.updates >= limit }) }
      stopped = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 1))
    }
    try stopped.run()
    #expect(try TrainerTests.bits(trainer) == TrainerTests.bits(stopped))
    // Nothing stays the same where all of it learns in the end.
    recipe.frozenBlocks = nil
    let failure = #expect(throws: Failure.self) {
      try TrainerTests.trainer(data, folder.file("other"), recipe: recipe)
    }
    #expect(failure?.problem.hasPrefix("--cache: no part of the network") == true)
  }

  /// Every network has its order, in which each parameter has its place.
  @Test(arguments: AllNetworksTests.networks)
  func everyNetworkIsReleasedWhole(_ tiny: AllNetworksTests.Tiny) throws {
    var recipe = Recipe()
    recipe.unfreezeEvery = 3
    let trainable = try TrainableParameters(recipe, of: tiny.configuration)
    let unfreezing = try #require(try Unfreezing(recipe, of: tiny.configuration, trainable))
    let declared = try Models.parameterDeclarations(tiny.configuration).filter {
      $0.isTrainable && !$0.isClassifier
    }
    let names = unfreezing.parts.flatMap(\.names)
    #expect(names.count == declared.count && Set(names) == Set(declared.map(\.name)))
    #expect(unfreezing.parts.map(\.block) == (0..<unfreezing.parts.count).reversed())
    #expect((0..<9).map(unfreezing.due) == (0..<9).map { min($0 / 3, unfreezing.parts.count) })
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    func problem(_ change: (inout Recipe) -> Void) throws -> String {
      var recipe = Self.recipe()
      change(&recipe)
      let failure = #expect(throws: Failure.self) {
        try recipe.validate()
        let configuration = TrainerTests.configuration
        _ = try Unfreezing(recipe, of: configuration, TrainableParameters(recipe, of: configuration))
      }
      return failure?.problem ?? ""
    }
    #expect(try problem { $0.headOnly = true }.hasPrefix("--unfreeze-every does not go with --head-only"))
    #expect(try problem { $0.loraRank = 4 }.hasPrefix("--unfreeze-every does not go with --lora-rank"))
    #expect(try problem { $0.unfreezeEvery = 5 }.contains("must be below the number of epochs, 5"))
    #expect(try problem { $0.unfreezeEvery = 0 } == "--unfreeze-every must be at least 1")
    #expect(try problem { $0.freeze = ["head.*"] }.contains("begins with the classifier, which is frozen"))
    #expect(
      try problem { $0.freeze = ["[!h]*"] }.contains("everything but the classifier is frozen"))
    // A state that no such run has.
    var state = TrainingState()
    (state.epoch, state.updates, state.releases) = (2, 8, [4, 8])
    try state.check(Self.recipe(), batches: 4)
    for (recipe, releases) in [
      (Self.recipe(), [8, 4]), (Self.recipe(), [4, 5, 6]), (Self.recipe(), [4, 9]),
      (Self.recipe(every: 2), [4, 8]),
      (TrainerTests.recipe(), [4]),
    ] {
      state.releases = releases
      #expect(throws: Failure.self, "\(releases)") { try state.check(recipe, batches: 4) }
    }
  }

  @Test func theRunSaysWhatLearnsWhen() throws {
    func summary(_ recipe: Recipe) throws -> String? {
      let configuration = TrainerTests.configuration
      return try Unfreezing(recipe, of: configuration, TrainableParameters(recipe, of: configuration))?
        .summary(
          epochs: recipe.epochs)
    }
    #expect(
      try summary(Self.recipe())
        == "the head alone learns at first, another block from the last one on every epoch, everything from epoch 4 on"
    )
    #expect(
      try summary(Self.recipe(every: 2))
        == "the head alone learns at first, another block from the last one on every 2 epochs; 1 of 3 parts never learn in 5 epochs, with 7 all would"
    )
    #expect(try summary(TrainerTests.recipe()) == nil)
  }
}
