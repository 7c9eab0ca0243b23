/// Sizes of a group norm over `x [batch, rows, channels]`: `groups` of neighbouring channels, each image
/// separately.
package struct GroupNormShape: Hashable, Sendable {
  package let batch: Int
  package let rows: Int
  package let channels: Int
  package let groups: Int

  var groupChannels: Int { channels / groups }
}

/// What a group norm's forward pass saves for its gradients, each `[batch, channels]`: the group's mean and
/// reciprocal deviation at each channel, and the norm as `x ⊙ scale + shift`.
package struct GroupNormFactors {
  let mean: Storage
  let rstd: Storage
  let scale: Storage
  let shift: Storage

  /// - Parameter saved: all four, in this order.
  init(_ saved: [Storage]) { (mean, rstd, scale, shift) = (saved[0], saved[1], saved[2], saved[3]) }
}

/// Group normalization and weight standardization, which go together.
package protocol GroupNormBackend {
  /// Fills `factors`.
  func groupMoments(
    _ shape: GroupNormShape, _ factors: GroupNormFactors, x: Storage, gamma: Storage, beta: Storage,
    eps: Float)
  /// `y = x ⊙ scale + shift (+ residual)`, then `max(0, y)` where `relu`.
  func groupAffine(
    _ shape: GroupNormShape, _ factors: GroupNormFactors, y: Storage, x: Storage, residual: Storage?,
    relu: Bool)
  /// `dx` may be `dy` itself.
  /// - Parameter output: the output, if a ReLU followed a residual; nil derives the mask from the factors.
  func groupNormBackward(
    _ shape: GroupNormShape, _ factors: GroupNormFactors, dy: Storage, relu: Bool, output: Storage?,
    x: Storage, gamma: Storage, dx: GradientTarget?, dresidual: GradientTarget?,
    dgamma: GradientTarget?, dbeta: GradientTarget?)

  /// `y [rows, columns]`: each row of `x`, minus its mean, divided by its deviation.
  func weightStandardize(
    y: Storage, x: Storage, rows: Int, columns: Int, eps: Float, epsOutside: Bool)
  func weightStandardizeBackward(
    dx: GradientTarget, dy: Storage, x: Storage, rows: Int, columns: Int, eps: Float, epsOutside: Bool)
}
