/// Inputs: x, the first weight and bias, the second weight and bias, gamma, beta, one scale for every
/// `rowsPerScale` rows. Saves each row's mean and reciprocal deviation, and the activation's input.
struct MLP: Operation {
  static let name = "mlp"
  let outputShape: [Int]
  let shape: MLPShape
  let eps: Float
  let epsOutside: Bool
  let rowsPerScale: Int

  var operands: [Operand] {
    let (channels, hidden) = (shape.channels, shape.hidden)
    return [
      Operand("x", shape.rows * channels), Operand("first weight", hidden * channels),
      Operand("first bias", hidden, isOptional: true), Operand("second weight", channels * hidden),
      Operand("second bias", channels, isOptional: true), Operand("gamma", channels),
      Operand("beta", channels),
      Operand("scales", shape.rows / rowsPerScale, isOptional: true),
    ]
  }
  func saved(needsGradient: Bool) -> [Int] {
    [shape.rows, shape.rows] + (needsGradient ? [shape.rows * shape.hidden] : [])
  }
  /// Of one of the two products.
  private var productFLOPs: Int { 2 * shape.rows * shape.hidden * shape.channels }
  var flops: Int { 2 * productFLOPs }
  func backwardFLOPs(_ wanted: [Bool]) -> Int {
    productFLOPs * (1 + [0, 1, 3].count { wanted[$0] })
  }

  func forward(_ pass: ForwardPass) {
    pass.backend.mlpForward(
      shape, y: pass.output, preActivation: pass.saved.count > 2 ? pass.saved[2] : nil, x: pass[0],
      norm: NormState(saved: pass.saved, gamma: pass[5], beta: pass[6], eps: eps, epsOutside: epsOutside),
      first: LinearValues(weight: pass[1], bias: pass.optional(2)),
      second: LinearValues(weight: pass[3], bias: pass.optional(4)),
      scales: RowScales(values: pass.optional(7), rowsPerScale: rowsPerScale))
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.mlpBackward(
      shape, dy: pass.dy, preActivation: pass.saved[2], x: pass[0],
      norm: NormState(saved: pass.saved, gamma: pass[5], beta: pass[6], eps: eps, epsOutside: epsOutside),
      first: LinearValues(weight: pass[1], bias: pass.optional(2)),
      second: LinearValues(weight: pass[3], bias: pass.optional(4)),
      scales: RowScales(values: pass.optional(7), rowsPerScale: rowsPerScale), dx: pass.target(0),
      dnorm: NormTarget(gamma: pass.target(5), beta: pass.target(6)),
      dfirst: LinearTarget(weight: pass.target(1), bias: pass.target(2)),
      dsecond: LinearTarget(weight: pass.target(3), bias: pass.target(4)))
  }
}

extension Tape {
  /// `x + dropPath(second(activation(first(norm(x)))))`: the complete MLP of a pre-norm transformer block.
  /// The pre-activation is kept for the backward pass, which recomputes the normalized tokens and the hidden
  /// ones.
  /// - Parameters:
  ///   - x: `[..., channels]`.
  ///   - first: `weight [hidden, channels]`, `bias [hidden]`.
  ///   - second: `weight [channels, hidden]`, `bias [channels]`.
  /// - Returns: the shape of `x`.
  package func mlp(
    _ x: Tensor, _ norm: LayerNormParameters, _ first: LinearParameters, _ second: LinearParameters,
    activation: Activation, dropPath: DropPath? = nil
  ) -> Tensor {
    let shape = MLPShape(
      rows: x.rows, channels: x.channels, hidden: first.weight.shape[0], activation: activation)
    precondition(first.weight.channels == shape.channels && second.weight.channels == shape.hidden)
    return apply(
      MLP(
        outputShape: x.shape, shape: shape, eps: norm.eps, epsOutside: norm.epsOutside,
        rowsPerScale: dropPath?.rowsPerSample ?? 1),
      [
        x, first.weight, first.bias, second.weight, second.bias, norm.gamma, norm.beta,
        scales(of: dropPath, rows: shape.rows),
      ])
  }
}
