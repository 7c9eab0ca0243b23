/// Inputs: x, gamma, beta. Saves each row's mean and reciprocal deviation.
struct LayerNorm: Operation {
  static let name = "layer norm"
  let outputShape: [Int]
  let rows: Int
  let channels: Int
  let eps: Float
  let epsOutside: Bool

  var operands: [Operand] {
    [Operand("x", rows * channels), Operand("gamma", channels), Operand("beta", channels)]
  }
  func saved(needsGradient: Bool) -> [Int] { [rows, rows] }

  func forward(_ pass: ForwardPass) {
    pass.backend.layerNormForward(
      y: pass.output, mean: pass.saved[0], rstd: pass.saved[1], x: pass[0], gamma: pass[1], beta: pass[2],
      rows: rows, channels: channels, eps: eps, epsOutside: epsOutside)
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.layerNormBackward(
      dy: pass.dy, x: pass[0], mean: pass.saved[0], rstd: pass.saved[1], gamma: pass[1], rows: rows,
      channels: channels, outerEps: epsOutside ? eps : 0, dx: pass.target(0), dgamma: pass.target(1),
      dbeta: pass.target(2))
  }
}

extension Tape {
  /// `(x - mean) / sqrt(var + eps) * gamma + beta` over the last axis (Ba et al., 2016).
  /// - Parameters:
  ///   - x: `[..., channels]`.
  ///   - gamma: `[channels]`.
  ///   - beta: `[channels]`.
  ///   - epsOutside: divide by `sqrt(var) + eps` instead, as lucidrains' networks do.
  /// - Returns: the shape of `x`.
  public func layerNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, eps: Float, epsOutside: Bool = false
  ) -> Tensor {
    apply(
      LayerNorm(outputShape: x.shape, rows: x.rows, channels: x.channels, eps: eps, epsOutside: epsOutside),
      [x, gamma, beta])
  }
}
