/// Layer normalization of `x [rows, channels]`.
package protocol LayerNormBackend {
  func layerNormForward(
    y: Storage, mean: Storage, rstd: Storage, x: Storage, gamma: Storage, beta: Storage,
    rows: Int, channels: Int, eps: Float, epsOutside: Bool)
  /// - Parameter outerEps: the eps that was added to the deviation, outside of the root.
  func layerNormBackward(
    dy: Storage, x: Storage, mean: Storage, rstd: Storage, gamma: Storage, rows: Int,
    channels: Int, outerEps: Float, dx: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?)
}
