/// The scalars of an update that differ from step to step, on the device, one element each.
package struct StepScalars {
  /// Written by the host before each update.
  package private(set) var learningRate: Storage
  /// Σ of the squares of all gradients, float64.
  package let sumOfSquares: Storage
  /// The norm of all gradients together, float64.
  package let gradientNorm: Storage
  /// What clipping multiplies the gradients by.
  package let gradientScale: Storage
  /// 1 if the update takes place; 0 if the loss or a gradient is not finite.
  package let isFinite: Storage

  package init(_ engine: Engine) {
    learningRate = engine.storage(1)
    sumOfSquares = engine.storage(1, .f64)
    gradientNorm = engine.storage(1, .f64)
    gradientScale = engine.storage(1)
    isFinite = engine.storage(1)
  }

  /// The same scalars with another learning rate.
  package func with(learningRate: Storage) -> StepScalars {
    var copy = self
    copy.learningRate = learningRate
    return copy
  }
}

/// The settings of a parameter's AdamW update, the same in every step (Loshchilov and Hutter, ICLR 2019).
package struct AdamWSettings: Hashable, Sendable {
  package var weightDecay: Float
  package var beta1: Float
  package var beta2: Float
  package var eps: Float

  package init(weightDecay: Float, beta1: Float, beta2: Float, eps: Float) {
    self.weightDecay = weightDecay
    self.beta1 = beta1
    self.beta2 = beta2
    self.eps = eps
  }
}

/// The same for an SGD update.
package struct SGDSettings: Hashable, Sendable {
  package var weightDecay: Double
  package var momentum: Double

  package init(weightDecay: Double, momentum: Double) {
    (self.weightDecay, self.momentum) = (weightDecay, momentum)
  }
}

/// The same of a Lion update.
package struct LionSettings: Hashable, Sendable {
  package var weightDecay: Double
  package var beta1: Double
  package var beta2: Double

  package init(weightDecay: Double, beta1: Double, beta2: Double) {
    (self.weightDecay, self.beta1, self.beta2) = (weightDecay, beta1, beta2)
  }
}

/// Updates of parameters.
package protocol OptimizerBackend {
  /// `total += Σ x²`, in double, in a fixed order.
  func addSumOfSquares(_ x: Storage, to total: Storage)
  /// Computes from the sum of squares the norm, the factor that clips to `clipNorm` (nil: no clipping), and
  /// whether norm and loss are finite.
  func finishGradientNorm(_ scalars: StepScalars, loss: Storage, clipNorm: Double?)
  /// One update, if `scalars.isFinite`.
  /// - Parameter corrections: `1 - beta1^t`, `1 - beta2^t`.
  func adamW(
    parameter: Storage, firstMoment: Storage, secondMoment: Storage, gradient: Storage,
    _ settings: AdamWSettings, _ scalars: StepScalars, corrections: Storage)
  /// One update with Nesterov's momentum, if `scalars.isFinite`: with the gradient `g`, scaled and with the
  /// weight decay added, `b = momentum · b + g`, then `p -= rate · (g + momentum · b)`.
  func sgd(
    parameter: Storage, momentumBuffer: Storage, gradient: Storage, _ settings: SGDSettings,
    _ scalars: StepScalars)
  /// One update, where `scalars.isFinite`: with the gradient `g`, scaled, `p -= rate · (sign(β₁ m + (1 - β₁) g) + decay · p)`,
  /// then `m = β₂ m + (1 - β₂) g`.
  func lion(
    parameter: Storage, momentum: Storage, gradient: Storage, _ settings: LionSettings,
    _ scalars: StepScalars)
}
