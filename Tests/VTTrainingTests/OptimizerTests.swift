import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTModels
@testable import VTTensor
@testable import VTTraining

/// What all optimizers do, and SGD against its formula.
struct OptimizerTests {
  /// A weight, which decays, and a bias, which does not, each with its gradients of every update.
  private static let weight: [Float] = [0.5, -1.25, 2, 0.0625, -0.75, 1.5]
  private static let bias: [Float] = [0.25, -0.5]
  private static func gradients(_ update: Int, _ count: Int) -> [Float] {
    (0..<count).map { Float(sin(Double(7 * update + 3 * $0 + 1))) * 0.5 }
  }

  private static func parameters(_ engine: Engine) throws -> Parameters {
    let parameters = Parameters(engine: engine)
    let weights = try StateDict([
      StoredTensor(name: "head.weight", shape: [2, 3], values: weight),
      StoredTensor(name: "head.bias", shape: [2], values: bias),
    ])
    try parameters.add(
      [
        ParameterDeclaration("head.weight", [2, 3], .zeros), ParameterDeclaration("head.bias", [2], .zeros),
      ], weights: weights, seed: 0)
    return parameters
  }

  /// Some updates; the parameters' values after each.
  static func run(
    _ settings: OptimizerSettings, rates: [Double], rules: [any UpdateRule] = [UsualDecay()]
  ) throws -> [[Float]] {
    let engine = Engine(threads: 1)
    let parameters = try parameters(engine)
    let state = try OptimizerState(parameters, settings, rules: rules, engine: engine)
    return rates.enumerated().map { update, rate in
      parameters.clearGradients()
      for (_, tensor) in parameters.all {
        Tape(engine, recording: true).backward(from: tensor, cotangent: gradients(update, tensor.count))
      }
      state.measureGradients(loss: engine.zeros([1]))
      state.step(learningRate: rate)
      #expect(state.finishStep() != nil)
      return parameters.all.flatMap { $0.tensor.values }
    }
  }

  /// PyTorch's formula (`torch.optim.SGD(nesterov=True)`), in double precision.
  private static func formula(
    momentum: Double, decay: Double, clipNorm: Double?, rates: [Double]
  ) -> [[Double]] {
    var (w, b) = (weight.map { Double($0) }, bias.map { Double($0) })
    var buffers = [[Double](repeating: 0, count: w.count), [Double](repeating: 0, count: b.count)]
    return rates.enumerated().map { update, rate in
      let all = [gradients(update, w.count), gradients(update, b.count)].map { $0.map { Double($0) } }
      let norm = all.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
      let scale = clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1
      func updated(_ p: inout [Double], _ index: Int, decay: Double) {
        for i in p.indices {
          let g = scale * all[index][i] + decay * p[i]
          buffers[index][i] = momentum * buffers[index][i] + g
          p[i] -= rate * (g + momentum * buffers[index][i])
        }
      }
      updated(&w, 0, decay: decay)
      updated(&b, 1, decay: 0)
      return w + b
    }
  }

  /// Lion's formula (its paper's algorithm 2), in double precision.
  @Test(arguments: [(0.9, 0.99, 0.0), (0.95, 0.98, 0.3)])
  func lionFollowsItsFormula(_ beta1: Double, _ beta2: Double, _ decay: Double) throws {
    var settings = OptimizerSettings("lion", weightDecay: decay, clipNorm: nil)
    (settings["beta1"], settings["beta2"]) = (beta1, beta2)
    let rates = [0.01, 0.02, 0.005, 0.01]
    var (p, m) = ((Self.weight + Self.bias).map { Double($0) }, [Double](repeating: 0, count: 8))
    for (update, actual) in try Self.run(settings, rates: rates).enumerated() {
      let all = Self.gradients(update, Self.weight.count) + Self.gradients(update, Self.bias.count)
      for i in p.indices {
        let g = Double(all[i])
        let c = beta1 * m[i] + (1 - beta1) * g
        p[i] -= rates[update] * ((c > 0 ? 1 : c < 0 ? -1 : 0) + (i < Self.weight.count ? decay : 0) * p[i])
        m[i] = beta2 * m[i] + (1 - beta2) * g
      }
      expectClose(actual.map { Double($0) }, p, relative: 1e-6, absolute: 1e-7, "update \(update)")
    }
  }

  @Test(
    arguments: [(0.9, 0.0, nil), (0.9, 0.05, nil), (0.5, 0.01, 0.25), (0, 0.05, nil)]
      as [(Double, Double, Double?)])
  func sgdFollowsItsFormula(_ momentum: Double, _ decay: Double, _ clipNorm: Double?) throws {
    var settings = OptimizerSettings("sgd", weightDecay: decay, clipNorm: clipNorm)
    settings["momentum"] = momentum
    let rates = [0.1, 0.05, 0.2, 0.1, 0.01]
    let expected = Self.formula(momentum: momentum, decay: decay, clipNorm: clipNorm, rates: rates)
    for (update, values) in try Self.run(settings, rates: rates).enumerated() {
      expectClose(
        values.map { Double($0) }, expected[update], relative: 2e-6, absolute: 5e-7, "update \(update)")
    }
  }

  /// What PyTorch 2.13 gives: `torch.optim.SGD(lr, momentum=0.9, nesterov=True)` with a weight decay of 0.05 for the weight
  /// and none for the bias, after `clip_grad_norm_([weight, bias], 0.25)`.
  @Test func sgdFollowsPyTorch() throws {
    let expected: [[Double]] = [
      [
        0.474032223, -1.21904218, 1.96443403, 0.0756237954, -0.753469527, 1.49300957, 0.228782237,
        -0.480917156,
      ],
      [
        0.457615018, -1.19792974, 1.93888056, 0.086448431, -0.758593857, 1.49180937, 0.21562919, -0.468126446,
      ],
      [
        0.383814245, -1.09591842, 1.80984974, 0.145639315, -0.793473959, 1.49904478, 0.158007771,
        -0.407862544,
      ],
      [
        0.355750084, -1.04587781, 1.73833644, 0.182027549, -0.821343601, 1.51629567, 0.13881129, -0.381628841,
      ],
      [
        0.355397791, -1.04313684, 1.73320556, 0.183216617, -0.821653545, 1.51554608, 0.139422342,
        -0.381530941,
      ],
    ]
    let settings = OptimizerSettings("sgd", weightDecay: 0.05, clipNorm: 0.25)
    for (update, values) in try Self.run(settings, rates: [0.1, 0.05, 0.2, 0.1, 0.01]).enumerated() {
      expectClose(
        values.map { Double($0) }, expected[update], relative: 2e-6, absolute: 5e-7, "update \(update)")
    }
  }

  /// Half the rate for biases, no decay anywhere.
  private struct Rule: UpdateRule {
    func apply(to factors: inout UpdateFactors, _ parameter: ParameterDeclaration) {
      factors.weightDecay = 0
      if parameter.name.hasSuffix(".bias") { factors.learningRate *= 0.5 }
    }
  }

  @Test(arguments: Optimizers.names)
  func rulesMultiplyRateAndDecay(_ name: String) throws {
    let settings = OptimizerSettings(name, weightDecay: 0.5, clipNorm: nil)
    let plain = try Self.run(settings, rates: [0.1], rules: [Rule()])[0]
    let bare = OptimizerSettings(name, weightDecay: 0, clipNorm: nil)
    #expect(Array(plain[..<6]) == Array(try Self.run(bare, rates: [0.1])[0][..<6]))
    #expect(Array(plain[6...]) == Array(try Self.run(bare, rates: [0.05])[0][6...]))
  }

  @Test func stoppedRunsWithSGDResumeToTheSameBits() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var recipe = TrainerTests.recipe(epochs: 3)
    recipe.optimizer = OptimizerSettings("sgd")
    recipe.learningRate = 0.02
    let whole = try TrainerTests.trainer(data, folder.file("whole"), recipe: recipe)
    try whole.run()
    let path = folder.file("stopped")
    let trainer = try TrainerTests.trainer(data, path, recipe: recipe)
    _ = #expect(throws: Failure.self) { try trainer.run(shouldStop: { trainer.state.updates == 6 }) }
    let store = try CheckpointFile.open(trainer.folder.lastPath)
    #expect(store.names.contains("optimizer.momentum_buffer.head.weight"))
    #expect(!store.names.contains { $0.hasPrefix("optimizer.exp_avg") })
    let copy = folder.file("copy")
    try RunEditing.copy(path, copy)
    let resumed = try RunEditing.resume(data, path).trainer
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(resumed))
    #expect(TrainerTests.metrics(whole) == TrainerTests.metrics(resumed))
    // Another optimizer would begin with what this one left.
    try RunEditing.setConfiguration(
      copy, "recipe.optimizer", Recipe().json["optimizer"])
    let failure = #expect(throws: Failure.self) { try RunEditing.resume(data, copy) }
    #expect(
      failure?.problem == "the checkpoint has the state of the optimizer 'sgd', and the recipe's is 'adamw'",
      "\(failure?.description ?? "")")
    #expect(failure?.kind == .badInput)
  }
}
