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

  /// With room for the statistics of `rows` rows.
  func state(rows: Int, _ engine: Engine) -> NormState {
    NormState(
      mean: engine.storage(rows), rstd: engine.storage(rows), gamma: gamma.storage, beta: beta.storage,
      eps: eps, epsOutside: epsOutside)
  }

  func target(_ engine: Engine) -> NormTarget {
    NormTarget(gamma: gamma.target(engine), beta: beta.target(engine))
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

  var values: LinearValues { LinearValues(weight: weight.storage, bias: bias?.storage) }
  func target(_ engine: Engine) -> LinearTarget {
    LinearTarget(weight: weight.target(engine), bias: bias?.target(engine))
  }
}

extension Tape {
  /// `norm(x) weightᵀ + bias`: a layer norm (Ba et al., 2016) and the linear layer behind it. The normalized tokens
  /// exist a block of rows at a time, in both directions.
  /// - Parameters:
  ///   - x: `[..., inputs]`.
  ///   - linear: `weight [outputs, inputs]`, `bias [outputs]`.
  /// - Returns: `[..., outputs]`.
  package func normLinear(
    _ x: Tensor, _ norm: LayerNormParameters, _ linear: LinearParameters
  ) -> Tensor {
    let outputs = linear.weight.shape[0]
    let shape = LinearShape(rows: x.rows, inputs: x.channels, outputs: outputs)
    precondition(norm.gamma.count == shape.inputs && norm.beta.count == shape.inputs)
    precondition(
      linear.weight.count == outputs * shape.inputs, "weight \(linear.weight.shape) for input \(x.shape)")
    precondition(linear.bias.map { $0.count == outputs } ?? true)
    let needs = needsTape(x, norm.gamma, norm.beta, linear.weight, linear.bias)
    let y = output(x.shape.dropLast() + [outputs], needsGradient: needs)
    let state = norm.state(rows: shape.rows, engine)
    let op = operation("norm and linear", [x, linear.weight, linear.bias, norm.gamma, norm.beta], y)
    forward(op) {
      backend.normLinearForward(
        shape, y: y.storage, x: x.storage, norm: state, linear: linear.values)
      engine.countFLOPs(shape.rows, outputs, shape.inputs)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      let products = (x.needsGradient ? 1 : 0) + (linear.weight.needsGradient ? 1 : 0)
      engine.countFLOPs(shape.rows, outputs, shape.inputs, times: products)
      engine.backend.normLinearBackward(
        shape, dy: dy, x: x.storage, norm: state, linear: linear.values, dx: x.target(engine),
        dnorm: norm.target(engine), dlinear: linear.target(engine))
    }
    return y
  }

  /// `x + dropPath(second(activation(first(norm(x)))))`: the MLP of a pre-norm transformer block,
  /// whole. The pre-activation is kept for the backward pass, which recomputes the normalized tokens and the hidden
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
    precondition(norm.gamma.count == shape.channels && norm.beta.count == shape.channels)
    precondition(
      first.weight.shape == [shape.hidden, shape.channels], "\(first.weight.shape) for \(x.shape)")
    precondition(
      second.weight.shape == [shape.channels, shape.hidden], "\(second.weight.shape) for \(x.shape)")
    let parameters = [
      norm.gamma, norm.beta, first.weight, first.bias, second.weight, second.bias,
    ]
    let needs = isRecording && ([x] + parameters).contains { $0?.needsGradient == true }
    let y = output(x.shape, needsGradient: needs)
    let preActivation = needs ? engine.storage(shape.rows * shape.hidden) : nil
    let state = norm.state(rows: shape.rows, engine)
    let scales = RowScales(
      values: dropPathScales(dropPath, rows: shape.rows), rowsPerScale: dropPath?.rowsPerSample ?? 1)
    let op = operation("mlp", [x, first.weight] + parameters, y)
    forward(op) {
      backend.perceptronForward(
        shape, y: y.storage, preActivation: preActivation, x: x.storage, norm: state, first: first.values,
        second: second.values, scales: scales)
      engine.countFLOPs(shape.rows, shape.hidden, shape.channels, times: 2)
    }
    guard needs, let preActivation else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      let products =
        (x.needsGradient ? 1 : 0) + 1 + (first.weight.needsGradient ? 1 : 0)
        + (second.weight.needsGradient ? 1 : 0)
      engine.countFLOPs(shape.rows, shape.hidden, shape.channels, times: products)
      engine.backend.perceptronBackward(
        shape, dy: dy, preActivation: preActivation, x: x.storage, norm: state, first: first.values,
        second: second.values,
        scales: scales, dx: x.target(engine), dnorm: norm.target(engine), dfirst: first.target(engine),
        dsecond: second.target(engine))
    }
    return y
  }
}
