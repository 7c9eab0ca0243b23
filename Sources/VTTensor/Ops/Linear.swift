import VTCore

/// Drop path of a residual branch (stochastic depth, Huang et al., ECCV 2016): each sample's
/// branch is dropped with probability `rate`, and scaled by `1 / (1 - rate)` otherwise.
package struct DropPath: Sendable {
  package let rate: Float
  /// Rows of a sample: its tokens.
  package let rowsPerSample: Int

  package init(rate: Float, rowsPerSample: Int) {
    self.rate = rate
    self.rowsPerSample = rowsPerSample
  }
}

extension Tape {
  /// `residual + dropPath(activation(x weightᵀ + bias))`.
  /// - Parameters:
  ///   - x: `[..., inputs]`.
  ///   - weight: `[outputs, inputs]`; further axes (a flattened kernel) count as inputs.
  ///   - bias: `[outputs]`.
  ///   - residual: `[..., outputs]`, added last.
  ///   - dropPath: acts in training only.
  /// - Returns: `[..., outputs]`.
  package func linear(
    _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation = .none,
    residual: Tensor? = nil, dropPath: DropPath? = nil
  ) -> Tensor {
    let outputs = weight.shape[0]
    let shape = LinearShape(rows: x.rows, inputs: x.channels, outputs: outputs)
    precondition(
      weight.count == outputs * shape.inputs, "weight \(weight.shape) for input \(x.shape)")
    precondition(bias.map { $0.count == outputs } ?? true)
    precondition(residual.map { $0.count == shape.rows * outputs } ?? true)
    let needs = needsTape(x, weight, bias, residual)
    let y = output(x.shape.dropLast() + [outputs], needsGradient: needs)
    let preActivation = needs && activation != .none ? engine.storage(y.count) : nil
    let rowScale = dropPathScales(dropPath, rows: shape.rows)
    let rowsPerScale = dropPath?.rowsPerSample ?? 1
    let op = operation("linear", [x, weight, bias, residual], y)
    forward(op) {
      backend.linearForward(
        shape, y: y.storage, preActivation: preActivation, x: x.storage, weight: weight.storage,
        bias: bias?.storage,
        activation: activation, residual: residual?.storage, rowScale: rowScale,
        rowsPerScale: rowsPerScale)
      engine.countFLOPs(shape.rows, outputs, shape.inputs)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      let products = (x.needsGradient ? 1 : 0) + (weight.needsGradient ? 1 : 0)
      engine.countFLOPs(shape.rows, outputs, shape.inputs, times: products)
      engine.backend.linearBackward(
        shape, dy: dy, preActivation: preActivation, x: x.storage, weight: weight.storage,
        activation: activation,
        rowScale: rowScale, rowsPerScale: rowsPerScale, keepsDy: residual?.needsGradient == true,
        dx: x.target(engine), dweight: weight.target(engine), dbias: bias?.target(engine))
      if let residual, residual.needsGradient { residual.receiveGradient(dy, engine) }
    }
    return y
  }

  func dropPathScales(_ dropPath: DropPath?, rows: Int) -> [Float]? {
    guard training, let dropPath, dropPath.rate > 0 else { return nil }
    // One stream a branch, one word a sample.
    let stream = nextStream()
    var generator = RandomKey(
      seed: UInt64(random.word0) << 32 | UInt64(random.word1), purpose: .dropout, index: stream
    ).generator()
    return (0..<rows / dropPath.rowsPerSample).map { _ in
      generator.uniform() < Double(dropPath.rate) ? 0 : 1 / (1 - dropPath.rate)
    }
  }
}

extension Tensor {
  /// Where the gradient goes, or nil where none is wanted.
  func target(_ engine: Engine) -> GradientTarget? {
    guard needsGradient else { return nil }
    let (storage, accumulate) = gradientTarget(engine)
    return GradientTarget(storage: storage, accumulate: accumulate)
  }
}
