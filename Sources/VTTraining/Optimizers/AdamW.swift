import Foundation
import VTTensor

/// AdamW (Loshchilov and Hutter, ICLR 2019).
package struct AdamW: Optimizer {
  package static let name = "adamw"
  package static let slots = [
    OptimizerSlot(name: "exp_avg"),
    // A mean of squares.
    OptimizerSlot(name: "exp_avg_sq", isNonNegative: true),
  ]
  package static let numbers = [
    OptimizerNumber(
      name: "beta1", usual: 0.9, since: 0, limit: Limits.part,
      meaning: "AdamW's decay of the first moment; Lion's share of the momentum in an update."),
    OptimizerNumber(
      name: "beta2", usual: 0.999, since: 0, limit: Limits.part,
      meaning: "AdamW's decay of the second moment; Lion's decay of the momentum."),
    OptimizerNumber(
      name: "eps", usual: 1e-8, since: 0, limit: Limits.positiveRate,
      meaning: "Added to the root of AdamW's second moment."),
  ]
  package static let usualWeightDecay = 0.05

  private let beta1: Double
  private let beta2: Double
  private let eps: Double

  package init(_ settings: OptimizerSettings) {
    (beta1, beta2, eps) = (settings["beta1"], settings["beta2"], settings["eps"])
  }

  /// The corrections of both moments' bias towards 0.
  package func numbers(of update: Int) -> [Float] {
    [beta1, beta2].map { Float(1 - pow($0, Double(update))) }
  }

  package func update(
    _ parameter: Tensor, gradient: Storage, slots: [Tensor], _ step: OptimizerStep, _ engine: Engine
  ) {
    engine.backend.adamW(
      parameter: parameter.storage, firstMoment: slots[0].storage, secondMoment: slots[1].storage,
      gradient: gradient,
      AdamWSettings(
        weightDecay: Float(step.weightDecay), beta1: Float(beta1), beta2: Float(beta2), eps: Float(eps)),
      step.scalars, corrections: step.numbers)
  }
}
