/// Sizes of a batch norm over `x [rows, channels]`.
package struct BatchNormShape: Sendable {
  package let rows: Int
  package let channels: Int
  /// Whether the moments are the batch's own, and depend on `x`; else they are constants.
  package let usesBatch: Bool
}

/// What the ReLU behind a norm let through.
package enum ReLUGate {
  /// There is none.
  case open
  /// Numbers whose output is positive.
  case output(Storage)
  /// Numbers for which `x ⊙ scale + shift` is positive: the output itself need not be kept.
  case affine(scale: [Float], shift: [Float])
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
package protocol BatchNormBackend: AnyObject {
  /// Mean and biased variance of each channel.
  func channelMoments(mean: Storage, variance: Storage, x: Storage, rows: Int, channels: Int)
  /// The same from the moments of blocks.
  func mergeMoments(mean: Storage, variance: Storage, _ blocks: PartialMoments)
  /// `y = x ⊙ scale + shift (+ residual)`, then `max(0, y)` where `relu`.
  func channelAffine(
    y: Storage, x: Storage, scale: [Float], shift: [Float], residual: Storage?, relu: Bool,
    rows: Int, channels: Int)
  /// `dx` may be `dy` itself.
  func batchNormBackward(
    _ shape: BatchNormShape, dy: Storage, gate: ReLUGate, x: Storage, mean: [Float], rstd: [Float],
    gamma: Storage, dx: GradientTarget?, dresidual: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?)
}
