import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining

/// Optimizers that programs bring along.
struct HostOptimizerTests {
  /// Lion once more, with a second slot that counts updates.
  private struct CountingLion: HostOptimizer {
    static let name = "counting-lion"
    static let slots = ["moment", "seen"]
    static let numbers = ["beta2": 0.99, "beta1": 0.9, "own": 1]
    static let usualWeightDecay = 0.3
    let beta1, beta2: Float

    init(_ settings: OptimizerSettings) throws {
      guard settings["own"] == 1 else { throw Failure(.usage, "own must be 1") }
      (beta1, beta2) = (Float(settings["beta1"]), Float(settings["beta2"]))
    }

    func update(
      _ weights: inout [Float], gradient: [Float], slots: inout [[Float]], learningRate: Float,
      weightDecay: Float, count: Int
    ) {
      for i in weights.indices {
        let c = beta1 * slots[0][i] + (1 - beta1) * gradient[i]
        weights[i] -= learningRate * ((c > 0 ? 1 : c < 0 ? -1 : 0) + weightDecay * weights[i])
        slots[0][i] = beta2 * slots[0][i] + (1 - beta2) * gradient[i]
        slots[1][i] += 1
      }
      #expect(slots[1].allSatisfy { $0 == Float(count) })
    }
  }

  @Test(arguments: [nil, 0.25])
  func itGetsWhatTheBuiltInOnesGet(_ clipNorm: Double?) throws {
    try CountingLion.register()
    let rates = [0.01, 0.02, 0.005, 0.01]
    let expected = try OptimizerTests.run(OptimizerSettings("lion", clipNorm: clipNorm), rates: rates)
    let settings = OptimizerSettings("counting-lion", clipNorm: clipNorm)
    #expect(settings.weightDecay == 0.3 && settings["beta2"] == 0.99)
    for (update, values) in try OptimizerTests.run(settings, rates: rates).enumerated() {
      expectClose(
        values.map { Double($0) }, expected[update].map { Double($0) }, relative: 1e-6, absolute: 1e-7,
        "update \(update)")
    }
  }

  @Test func theNumberOfAnUpdateIsExact() {
    struct Far: HostOptimizer {
      static let name = "far"
      static let slots: [String] = []
      static let numbers: [String: Double] = [:]
      static let usualWeightDecay = 0.0
      init(_ settings: OptimizerSettings) {}
      func update(
        _ weights: inout [Float], gradient: [Float], slots: inout [[Float]], learningRate: Float,
        weightDecay: Float, count: Int
      ) {}
    }
    let far = try? HostedOptimizer<Far>(OptimizerSettings("far"))
    for count in [1, 1 << 20, 1 << 24 + 1, 1 << 40 - 1] {
      let parts = far?.numbers(of: count) ?? []
      #expect(parts.count == 2 && Int(parts[0]) << 20 + Int(parts[1]) == count)
    }
  }

  @Test func stoppedRunsResumeToTheSameBits() throws {
    try CountingLion.register()
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = TrainerTests.recipe(epochs: 3)
    recipe.optimizer = OptimizerSettings("counting-lion")
    recipe.optimizer["beta1"] = 0.85
    recipe.averageDecay = 0.9
    let whole = try TrainerTests.trainer(data, folder.file("whole"), threads: 1, recipe: recipe)
    try whole.run()
    let path = folder.file("stopped")
    let trainer = try TrainerTests.trainer(data, path, recipe: recipe)
    _ = #expect(throws: Failure.self) { try trainer.run(shouldStop: { trainer.state.updates == 6 }) }
    let store = try CheckpointFile.open(trainer.folder.lastPath)
    #expect(try store.values("optimizer.seen.head.weight").allSatisfy { $0 == 6 })
    let copy = folder.file("copy")
    try RunEditing.copy(path, copy)
    let resumed = try RunEditing.resume(data, path).trainer
    #expect(resumed.configuration.recipe == whole.configuration.recipe)
    #expect(resumed.configuration.recipe.optimizer["beta1"] == 0.85)
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(resumed))
    #expect(TrainerTests.metrics(whole) == TrainerTests.metrics(resumed))

    // In a program that does not have it.
    try RunEditing.setConfiguration(copy, "recipe.optimizer.name", .string("their-lion"))
    let failure = #expect(throws: Failure.self) { try RunEditing.resume(data, copy) }
    let problem = failure?.problem ?? ""
    #expect(
      problem.hasPrefix("the recipe's 'optimizer.name' is \"their-lion\", and must be one of adamw,"),
      "\(problem)")
    #expect(failure?.hint?.contains("registered it") == true && failure?.kind == .badInput)
  }

  @Test func numbersThatItRefusesBeginNoRun() throws {
    try CountingLion.register()
    let folder = try TemporaryFolder()
    var recipe = TrainerTests.recipe()
    recipe.optimizer = OptimizerSettings("counting-lion")
    recipe.optimizer["own"] = 2
    let data = try TrainerTests.data(folder)
    let failure = #expect(throws: Failure.self) {
      try TrainerTests.trainer(data, folder.file("run"), recipe: recipe)
    }
    #expect(failure?.problem == "own must be 1")
    #expect(!FileManager.default.fileExists(atPath: folder.file("run/config.json")))
  }

  @Test func settingsFromBeforeItWasRegisteredAreRefused() throws {
    struct Late: HostOptimizer {
      static let name = "late"
      static let slots: [String] = []
      static let numbers = ["beta": 0.5]
      static let usualWeightDecay = 0.0
      init(_ settings: OptimizerSettings) { _ = settings["beta"] }
      func update(
        _ weights: inout [Float], gradient: [Float], slots: inout [[Float]], learningRate: Float,
        weightDecay: Float, count: Int
      ) {}
    }
    var recipe = Recipe()
    recipe.optimizer = OptimizerSettings("late")
    let before = #expect(throws: Failure.self) { try recipe.validate() }
    #expect(before?.problem.hasPrefix("--optimizer must be one of adamw, sgd, lion") == true)
    try Late.register()
    let after = #expect(throws: Failure.self) { try recipe.validate() }
    #expect(
      after?.problem
        == "--optimizer 'late' was chosen before the program registered it")
    recipe.optimizer = OptimizerSettings("late")
    try recipe.validate()
  }

  /// What cannot be added, by its name, slots and numbers.
  private struct Wrong<Part: WrongPart>: HostOptimizer {
    static var name: String { Part.name }
    static var slots: [String] { Part.slots }
    static var numbers: [String: Double] { Part.numbers }
    static var usualWeightDecay: Double { 0 }
    init(_ settings: OptimizerSettings) {}
    func update(
      _ weights: inout [Float], gradient: [Float], slots: inout [[Float]], learningRate: Float,
      weightDecay: Float, count: Int
    ) {}
  }

  @Test func whatIsTakenIsRefused() throws {
    func problem<Part: WrongPart>(_ part: Part.Type) -> String? {
      let failure = #expect(throws: Failure.self) { try Wrong<Part>.register() }
      return failure?.kind == .usage ? failure?.problem : nil
    }
    #expect(problem(TakenName.self) == "there is an optimizer 'adamw' already")
    #expect(problem(NoName.self) == "an optimizer needs a name")
    #expect(problem(TakenSlot.self) == "the optimizer 'wrong' cannot have a slot 'trained'")
    #expect(problem(DottedSlot.self) == "the optimizer 'wrong' cannot have a slot 'a.b'")
    #expect(problem(TwinSlots.self) == "the optimizer 'wrong' has two slots of one name")
    #expect(problem(TakenNumber.self) == "the optimizer 'wrong' cannot have a number 'clipNorm'")
    #expect(Optimizers.named("wrong") == nil)
    // Registering the same type again is allowed; another type with its name is refused.
    try CountingLion.register()
    try CountingLion.register()
    #expect(problem(TwinName.self) == "there is an optimizer 'counting-lion' already")
  }
}

private protocol WrongPart: Sendable {
  static var name: String { get }
  static var slots: [String] { get }
  static var numbers: [String: Double] { get }
}

extension WrongPart {
  static var name: String { "wrong" }
  static var slots: [String] { [] }
  static var numbers: [String: Double] { [:] }
}

private struct TakenName: WrongPart { static let name = "adamw" }
private struct TwinName: WrongPart { static let name = "counting-lion" }
private struct NoName: WrongPart { static let name = "" }
private struct TakenSlot: WrongPart { static let slots = ["trained"] }
private struct DottedSlot: WrongPart { static let slots = ["a.b"] }
private struct TwinSlots: WrongPart { static let slots = ["a", "a"] }
private struct TakenNumber: WrongPart { static let numbers = ["clipNorm": 1.0] }
