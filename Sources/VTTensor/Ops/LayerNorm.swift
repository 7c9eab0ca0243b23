extension Tape {
  /// `(x - mean) / sqrt(var + eps) * gamma + beta` over the last axis (Ba et al., 2016).
  /// - Parameters:
  ///   - x: `[..., channels]`.
  ///   - gamma: `[channels]`.
  ///   - beta: `[channels]`.
  ///   - epsOutside: divide by `sqrt(var) + eps` instead, as lucidrains' networks do.
  /// - Returns: the shape of `x`.
  package func layerNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, eps: Float, epsOutside: Bool = false
  ) -> Tensor {
    let channels = x.channels
    precondition(gamma.count == channels && beta.count == channels)
    let rows = x.rows
    let needs = needsTape(x, gamma, beta)
    let y = output(x.shape, needsGradient: needs)
    let mean = engine.storage(rows)
    let rstd = engine.storage(rows)
    let op = operation("layer norm", [x, gamma, beta], y)
    forward(op) {
      backend.layerNormForward(
        y: y.storage, mean: mean, rstd: rstd, x: x.storage, gamma: gamma.storage, beta: beta.storage,
        rows: rows, channels: channels, eps: eps, epsOutside: epsOutside)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.layerNormBackward(
        dy: dy, x: x.storage, mean: mean, rstd: rstd, gamma: gamma.storage, rows: rows,
        channels: channels, outerEps: epsOutside ? eps : 0, dx: x.target(engine),
        dgamma: gamma.target(engine),
        dbeta: beta.target(engine))
    }
    return y
  }
}
