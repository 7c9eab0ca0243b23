/// Inputs: x, weight, bias, residual, one scale for every `rowsPerScale` rows. Saves the activation's input.
struct Linear: Operation {
  static let name = "linear"
  let outputShape: [Int]
  let shape: LinearShape
  let activation: Activation
  let rowsPerScale: Int

  var operands: [Operand] {
    [
      Operand("x", shape.rows * shape.inputs), Operand("weight", shape.outputs * shape.inputs),
      Operand("bias", shape.outputs, isOptional: true),
      Operand("residual", shape.rows * shape.outputs, isOptional: true),
      Operand("scales", shape.rows / rowsPerScale, isOptional: true),
    ]
  }
  func saved(needsGradient: Bool) -> [Int] {
    needsGradient && activation != .none ? [shape.rows * shape.outputs] : []
  }
  var flops: Int { shape.flops }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { shape.flops * wanted.prefix(2).count { $0 } }

  func forward(_ pass: ForwardPass) {
    pass.backend.linearForward(
      shape, y: pass.output, preActivation: pass.saved.first, x: pass[0],
      linear: LinearValues(weight: pass[1], bias: pass.optional(2)), activation: activation,
      residual: pass.optional(3), scales: RowScales(values: pass.optional(4), rowsPerScale: rowsPerScale))
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.linearBackward(
      shape, dy: pass.dy, preActivation: pass.saved.first, x: pass[0], weight: pass[1],
      activation: activation,
      scales: RowScales(values: pass.optional(4), rowsPerScale: rowsPerScale), keepsDy: pass.wants(3),
      dx: pass.target(0), dlinear: LinearTarget(weight: pass.target(1), bias: pass.target(2)))
    pass.passDy(to: 3)
  }
}

extension Tape {
  /// `residual + dropPath(activation(x weightᵀ + bias))`.
  /// - Parameters:
  ///   - x: `[..., inputs]`.
  ///   - weight: `[outputs, inputs]`; further axes (a flattened kernel) count as inputs.
  ///   - bias: `[outputs]`.
  ///   - residual: `[..., outputs]`, added last.
  ///   - dropPath: active in training only.
  /// - Returns: `[..., outputs]`.
  public func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation = .none,
    residual: Tensor? = nil, dropPath: DropPath? = nil
  ) -> Tensor {
    let shape = LinearShape(rows: x.rows, inputs: x.channels, outputs: weight.shape[0])
    return apply(
      Linear(
        outputShape: x.shape.dropLast() + [shape.outputs], shape: shape, activation: activation,
        rowsPerScale: dropPath?.rowsPerSample ?? 1),
      [x, weight, bias, residual, scales(of: dropPath, rows: x.rows)])
  }
}
