/// Batch normalization of `x [rows, channels]`.
public protocol BatchNormBackend: AnyObject {
  /// Mean and biased variance of each channel.
  func channelMoments(mean: Storage, variance: Storage, x: Storage, rows: Int, channels: Int)
  /// `y = x ⊙ scale + shift (+ residual)`, then `max(0, y)` where `relu`.
  func channelAffine(
    y: Storage, x: Storage, scale: [Float], shift: [Float], residual: Storage?, relu: Bool,
    rows: Int, channels: Int)
  /// `y` is given where a ReLU followed. With `usesBatch` the moments hang on `x`, else they are constants.
  func batchNormBackward(
    dy: Storage, y: Storage?, x: Storage, mean: [Float], rstd: [Float], gamma: Storage, rows: Int,
    channels: Int, usesBatch: Bool, dx: GradientTarget?, dresidual: GradientTarget?,
    dgamma: GradientTarget?, dbeta: GradientTarget?)
}
