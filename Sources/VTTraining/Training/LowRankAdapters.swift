import Foundation
import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// Low-rank adapters (LoRA; Hu et al., ICLR 2022): chosen weights stay as they are, and what is learned is a product of two
/// thin matrices beside each, `W + alpha / rank · B A`. Evaluation, checkpoints and exports see the sum.
package final class LowRankAdapters {
  /// One weight's.
  struct Adapter {
    /// The weight's native name.
    let target: String
    /// `[outputs, inputs]`, as it was before training.
    let weight: Tensor
    /// A, transposed: `[inputs, rank]`, uniform in ±1/√inputs at first, as in PEFT.
    let a: Tensor
    /// `[outputs, rank]`, zeros at first.
    let b: Tensor

    /// Of one of the two factors.
    static func name(_ target: String, _ factor: String) -> String { "lora.\(target).\(factor)" }
  }

  /// The factors, which the optimizer updates.
  let parameters: Parameters
  let adapters: [Adapter]
  private let network: Parameters
  private let scale: Float
  private let engine: Engine

  /// - Parameters:
  ///   - network: the weights to adapt are among them.
  ///   - store: a checkpoint that a run goes on from, whose own weights are the sums; nil, or without factors, for a new run.
  /// - Throws: `Failure` where no target has two axes, or the checkpoint lacks a factor.
  init(_ recipe: LowRankRecipe, _ network: Parameters, store: StateDict?, seed: UInt64, engine: Engine) throws
  {
    (self.network, self.engine) = (network, engine)
    scale = Float(recipe.scale)
    let targets = try recipe.targets(among: network)
    parameters = Parameters(engine: engine)
    let declarations = targets.flatMap { target in
      let shape = network[target].shape
      return [
        ParameterDeclaration(
          Adapter.name(target, "a"), [shape[1], recipe.rank],
          .uniform(bound: 1 / Double(shape[1]).squareRoot())),
        ParameterDeclaration(Adapter.name(target, "b"), [shape[0], recipe.rank], .zeros),
      ]
    }
    let saved = try Self.saved(store)
    try parameters.add(declarations, weights: saved.factors, seed: seed &+ 1)
    for (name, values) in saved.weights { network[name].write(values) }
    adapters = targets.map { [parameters, network] target in
      Adapter(
        target: target, weight: network[target], a: parameters[Adapter.name(target, "a")],
        b: parameters[Adapter.name(target, "b")])
    }
  }

  /// The sums, for a pass that learns the factors.
  func sums(_ tape: Tape) -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: adapters.map { adapter in
        (
          adapter.target,
          tape.add(
            adapter.weight, tape.linear(adapter.b, weight: adapter.a, bias: nil), scale: scale)
        )
      })
  }

  /// Does something with a network whose weights are the sums.
  /// - Parameter body: given the weights without what was learned, by native name.
  func merged<Result>(_ body: ([StoredTensor]) throws -> Result) rethrows -> Result {
    let before = adapters.map(\.weight.values)
    let sums = sums(Tape(engine, recording: false))
    for adapter in adapters { adapter.weight.write(sums[adapter.target]!.values) }
    defer { for (adapter, values) in zip(adapters, before) { adapter.weight.write(values) } }
    let stored = zip(adapters, before).map { adapter, values in
      StoredTensor(name: adapter.target, shape: adapter.weight.shape, values: values)
    }
    return try body(stored)
  }

  // MARK: Checkpoints

  private static let factorPrefix = OptimizerState.prefix + "lora."
  private static let weightPrefix = OptimizerState.prefix + "base."

  /// The factors, and the weights without them, beside the sums of a checkpoint. The prefix is the optimizer's, which
  /// readers of weights leave out.
  func tensors(weights: [StoredTensor]) throws -> [StoredTensor] {
    try parameters.all.map { name, tensor in
      StoredTensor(name: OptimizerState.prefix + name, shape: tensor.shape, values: tensor.values)
    }
      + weights.map {
        StoredTensor(name: Self.weightPrefix + $0.name, shape: $0.shape, values: try $0.floats())
      }
  }

  /// The weight and the factor (`a` or `b`) that a checkpoint's tensor is of; nil for others.
  static func factor(_ name: String) -> (target: String, factor: String)? {
    let prefix = factorPrefix
    guard name.hasPrefix(prefix), let dot = name.lastIndex(of: ".") else { return nil }
    return (
      String(name[name.index(name.startIndex, offsetBy: prefix.count)..<dot]),
      String(name[name.index(after: dot)...])
    )
  }

  /// What a checkpoint has of them.
  private static func saved(_ store: StateDict?) throws -> (
    factors: StateDict?, weights: [(String, [Float])]
  ) {
    guard let store, store.names.contains(where: { $0.hasPrefix(factorPrefix) }) else {
      return (nil, [])
    }
    let factors = store.tensors.filter { $0.name.hasPrefix(factorPrefix) }
    let weights = store.tensors.filter { $0.name.hasPrefix(weightPrefix) }
    return (
      try StateDict(
        factors.map {
          StoredTensor(
            name: String($0.name.dropFirst(OptimizerState.prefix.count)), shape: $0.shape,
            values: try $0.floats())
        }),
      try weights.map { (String($0.name.dropFirst(weightPrefix.count)), try $0.floats()) }
    )
  }
}
