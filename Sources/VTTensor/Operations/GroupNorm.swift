/// Inputs: x, gamma, beta, residual. Saves the four factors, each `[batch, channels]`.
struct GroupNorm: Operation {
  static let name = "group norm"
  let outputShape: [Int]
  let shape: GroupNormShape
  let eps: Float
  let relu: Bool
  let hasResidual: Bool

  var operands: [Operand] {
    let (count, channels) = (shape.batch * shape.rows * shape.channels, shape.channels)
    return [
      Operand("x", count), Operand("gamma", channels), Operand("beta", channels),
      Operand("residual", count, isOptional: true),
    ]
  }
  func saved(needsGradient: Bool) -> [Int] { [Int](repeating: shape.batch * shape.channels, count: 4) }

  func forward(_ pass: ForwardPass) {
    let factors = GroupNormFactors(pass.saved)
    pass.backend.groupMoments(shape, factors, x: pass[0], gamma: pass[1], beta: pass[2], eps: eps)
    pass.backend.groupAffine(
      shape, factors, y: pass.output, x: pass[0], residual: pass.optional(3), relu: relu)
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.groupNormBackward(
      shape, GroupNormFactors(pass.saved), dy: pass.dy, relu: relu,
      output: relu && hasResidual ? pass.output : nil, x: pass[0], gamma: pass[1],
      dx: pass.targetTakingDy(0), dresidual: pass.target(3), dgamma: pass.target(1), dbeta: pass.target(2))
  }
}

extension Tape {
  /// `(x - mean) / sqrt(var + eps) * gamma + beta`, mean and biased variance over an image's cells and a group of
  /// neighbouring channels (Wu and He, "Group Normalization", ECCV 2018); then the residual, then the ReLU.
  /// - Parameters:
  ///   - x: `[batch, height, width, channels]`.
  ///   - gamma: `[channels]`, as is `beta`.
  ///   - groups: divides the channels.
  ///   - residual: the shape of `x`.
  /// - Returns: the shape of `x`.
  package func groupNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, groups: Int, eps: Float, residual: Tensor? = nil,
    relu: Bool = false
  ) -> Tensor {
    precondition(x.channels % groups == 0)
    let shape = GroupNormShape(
      batch: x.shape[0], rows: x.rows / x.shape[0], channels: x.channels, groups: groups)
    return apply(
      GroupNorm(outputShape: x.shape, shape: shape, eps: eps, relu: relu, hasResidual: residual != nil),
      [x, gamma, beta, residual])
  }
}
