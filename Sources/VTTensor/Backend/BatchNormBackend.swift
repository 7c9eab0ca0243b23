/// Sizes of a batch norm over `x [rows, channels]`.
package struct BatchNormShape: Hashable, Sendable {
  package let rows: Int
  package let channels: Int
  /// Whether the moments are the batch's own, and depend on `x`; otherwise they are constants.
  package let usesBatch: Bool
}

/// A batch norm as `x ⊙ scale + shift`, and its reciprocal deviations, each `[channels]`.
package struct BatchNormFactors {
  let rstd: Storage
  let scale: Storage
  let shift: Storage
}

/// The mask of the ReLU after a norm.
package enum ReLUGate {
  /// No ReLU.
  case open
  /// Elements whose output is positive pass.
  case output(Storage)
  /// Elements for which `x ⊙ scale + shift` is positive pass: the output need not be kept.
  case affine(BatchNormFactors)
}

/// Mean and sum of squared distances from it, `[blocks, 2, channels]`, of each block of rows.
package final class PartialMoments {
  let channels: Int
  /// Rows of each block.
  let counts: [Int]
  let storage: Storage

  init(counts: [Int], channels: Int, storage: Storage) {
    self.counts = counts
    self.channels = channels
    self.storage = storage
  }
}

/// Batch normalization of `x [rows, channels]`.
package protocol BatchNormBackend {
  /// Mean and biased variance of each channel.
  func channelMoments(mean: Storage, variance: Storage, x: Storage, rows: Int, channels: Int)
  /// The same from the moments of blocks.
  func mergeMoments(mean: Storage, variance: Storage, _ blocks: PartialMoments)
  /// Moves `mean` and `variance` towards a batch's by `momentum`, the variance unbiased.
  func moveRunningMoments(
    mean: Storage, variance: Storage, batchMean: Storage, batchVariance: Storage, rows: Int, momentum: Float)
  /// Fills `factors`.
  func batchNormFactors(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, mean: Storage, variance: Storage, gamma: Storage,
    beta: Storage, eps: Float)
  /// `y = x ⊙ scale + shift (+ residual)`, then `max(0, y)` where `relu`.
  func channelAffine(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, y: Storage, x: Storage, residual: Storage?,
    relu: Bool)
  /// `dx` may be `dy` itself.
  func batchNormBackward(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, dy: Storage, gate: ReLUGate, x: Storage,
    mean: Storage, gamma: Storage, dx: GradientTarget?, dresidual: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?)
}
