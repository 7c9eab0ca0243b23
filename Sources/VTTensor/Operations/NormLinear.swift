/// A layer norm's tensors, `gamma` and `beta` each `[channels]`.
package struct LayerNormParameters {
  package let gamma: Tensor
  package let beta: Tensor
  package let eps: Float
  /// Divide by `sqrt(var) + eps` instead of `sqrt(var + eps)`, as lucidrains' networks do.
  package let epsOutside: Bool

  package init(gamma: Tensor, beta: Tensor, eps: Float, epsOutside: Bool = false) {
    self.gamma = gamma
    self.beta = beta
    self.eps = eps
    self.epsOutside = epsOutside
  }
}

/// A linear layer's tensors: `weight [outputs, inputs]`, `bias [outputs]`.
package struct LinearParameters {
  package let weight: Tensor
  package let bias: Tensor?

  package init(weight: Tensor, bias: Tensor?) {
    self.weight = weight
    self.bias = bias
  }
}

/// Inputs: x, weight, bias, gamma, beta. Saves each row's mean and reciprocal deviation.
struct NormLinear: Operation {
  static let name = "norm and linear"
  let outputShape: [Int]
  let shape: LinearShape
  let eps: Float
  let epsOutside: Bool

  var operands: [Operand] {
    [
      Operand("x", shape.rows * shape.inputs), Operand("weight", shape.outputs * shape.inputs),
      Operand("bias", shape.outputs, isOptional: true), Operand("gamma", shape.inputs),
      Operand("beta", shape.inputs),
    ]
  }
  func saved(needsGradient: Bool) -> [Int] { [shape.rows, shape.rows] }
  var flops: Int { shape.flops }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { shape.flops * wanted.prefix(2).count { $0 } }

  func forward(_ pass: ForwardPass) {
    pass.backend.normLinearForward(
      shape, y: pass.output, x: pass[0],
      norm: NormState(saved: pass.saved, gamma: pass[3], beta: pass[4], eps: eps, epsOutside: epsOutside),
      linear: LinearValues(weight: pass[1], bias: pass.optional(2)))
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.normLinearBackward(
      shape, dy: pass.dy, x: pass[0],
      norm: NormState(saved: pass.saved, gamma: pass[3], beta: pass[4], eps: eps, epsOutside: epsOutside),
      linear: LinearValues(weight: pass[1], bias: pass.optional(2)), dx: pass.target(0),
      dnorm: NormTarget(gamma: pass.target(3), beta: pass.target(4)),
      dlinear: LinearTarget(weight: pass.target(1), bias: pass.target(2)))
  }
}

extension Tape {
  /// `norm(x) weightᵀ + bias`: a layer norm (Ba et al., 2016) and the linear layer after it. The normalized
  /// tokens exist one block of rows at a time, in both directions.
  /// - Parameters:
  ///   - x: `[..., inputs]`.
  ///   - linear: `weight [outputs, inputs]`, `bias [outputs]`.
  /// - Returns: `[..., outputs]`.
  package func normLinear(
    _ x: Tensor, _ norm: LayerNormParameters, _ linear: LinearParameters
  ) -> Tensor {
    let shape = LinearShape(rows: x.rows, inputs: x.channels, outputs: linear.weight.shape[0])
    return apply(
      NormLinear(
        outputShape: x.shape.dropLast() + [shape.outputs], shape: shape, eps: norm.eps,
        epsOutside: norm.epsOutside),
      [x, linear.weight, linear.bias, norm.gamma, norm.beta])
  }
}
