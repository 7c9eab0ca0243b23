import VTTensor

/// Lion (Chen et al., NeurIPS 2023): the sign of `β₁ m + (1 - β₁) g`, then `m = β₂ m + (1 - β₂) g`. Its authors take a rate
/// 3 to 10 times as small as AdamW's, and a weight decay as many times as large.
package struct Lion: Optimizer {
  package static let name = "lion"
  package static let slots = [OptimizerSlot(name: "momentum")]
  package static let numbers = [
    OptimizerNumber(
      name: "beta1", usual: 0.9, since: 0, limit: Limits.part,
      meaning: "AdamW's decay of the first moment; Lion's share of the momentum in an update."),
    OptimizerNumber(
      name: "beta2", usual: 0.99, since: 0, limit: Limits.part,
      meaning: "AdamW's decay of the second moment; Lion's decay of the momentum."),
  ]
  package static let usualWeightDecay = 0.3

  private let beta1: Double
  private let beta2: Double

  package init(_ settings: OptimizerSettings) { (beta1, beta2) = (settings["beta1"], settings["beta2"]) }

  package func update(
    _ parameter: Tensor, gradient: Storage, slots: [Tensor], _ step: OptimizerStep, _ engine: Engine
  ) {
    engine.backend.lion(
      parameter: parameter.storage, momentum: slots[0].storage, gradient: gradient,
      LionSettings(weightDecay: step.weightDecay, beta1: beta1, beta2: beta2), step.scalars)
  }
}
