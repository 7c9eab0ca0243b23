import VTTensor

/// Stochastic gradient descent with Nesterov's momentum, in PyTorch's form: with the gradient `g`, scaled by clipping, and
/// the weight decay added to it, `b = momentum · b + g`, then `p -= rate · (g + momentum · b)`.
package struct SGD: Optimizer {
  package static let name = "sgd"
  package static let slots = [OptimizerSlot(name: "momentum_buffer")]
  package static let numbers = [
    OptimizerNumber(
      name: "momentum", usual: 0.9, option: "--momentum", limit: Limits.part,
      meaning: "SGD's momentum, in Nesterov's form.")
  ]
  package static let usualWeightDecay = 1e-4

  private let momentum: Double

  package init(_ settings: OptimizerSettings) { momentum = settings["momentum"] }

  package func update(
    _ parameter: Tensor, gradient: Storage, slots: [Tensor], _ step: OptimizerStep, _ engine: Engine
  ) {
    engine.backend.sgd(
      parameter: parameter.storage, momentumBuffer: slots[0].storage, gradient: gradient,
      SGDSettings(weightDecay: step.weightDecay, momentum: momentum), step.scalars)
  }
}
