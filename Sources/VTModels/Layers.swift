import VTTensor

/// The layers that networks share, found by the names of their parameters.
struct Layers {
  let parameters: Parameters
  let regularization: Regularization
  let normEps: Float
  /// Whether eps is added outside the root of the variance.
  var epsOutside = false

  func norm(_ x: Tensor, _ name: String, _ tape: Tape) -> Tensor {
    tape.layerNorm(
      x, gamma: parameters[name + ".weight"], beta: parameters[name + ".bias"], eps: normEps,
      epsOutside: epsOutside)
  }

  func normParameters(_ name: String) -> LayerNormParameters {
    LayerNormParameters(
      gamma: parameters[name + ".weight"], beta: parameters[name + ".bias"], eps: normEps,
      epsOutside: epsOutside)
  }

  /// - Parameter scale: name of the layer scale after it, where the network may have one; it acts on the weight and
  ///   bias, so that nothing is done row by row.
  func linearParameters(_ name: String, scale: String? = nil, _ tape: Tape) -> LinearParameters {
    let (weight, bias) = (parameters[name + ".weight"], parameters.optional(name + ".bias"))
    guard let factors = scale.flatMap({ parameters.optional($0) }) else {
      return LinearParameters(weight: weight, bias: bias)
    }
    return LinearParameters(
      weight: tape.scaleRows(weight, by: factors),
      bias: bias.map { tape.scaleRows($0, by: factors) })
  }

  /// A layer norm and the linear layer after it.
  func normLinear(_ x: Tensor, norm: String, _ name: String, _ tape: Tape) -> Tensor {
    tape.normLinear(x, normParameters(norm), linearParameters(name, tape))
  }

  /// A linear layer, with a bias where the network has one.
  func linear(
    _ x: Tensor, _ name: String, activation: Activation = .none, _ tape: Tape
  ) -> Tensor {
    tape.linear(
      x, weight: parameters[name + ".weight"], bias: parameters.optional(name + ".bias"),
      activation: activation)
  }

  /// The linear layer in front of the softmax; what comes in where the network has no classifier.
  func classifier(_ x: Tensor, _ name: String, _ tape: Tape) -> Tensor {
    parameters.contains(name + ".weight") ? linear(x, name, tape) : x
  }

  /// The last linear layer of a residual branch, fused with the addition unless dropout is between.
  /// - Parameter scale: name of the layer scale after it, where the network may have one.
  func branch(
    _ x: Tensor, _ name: String, scale: String? = nil, residual: Tensor, _ dropPath: DropPath,
    _ tape: Tape
  ) -> Tensor {
    let layer = linearParameters(name, scale: scale, tape)
    guard tape.training, regularization.dropout > 0 else {
      return tape.linear(
        x, weight: layer.weight, bias: layer.bias, residual: residual, dropPath: dropPath)
    }
    let dropped = tape.dropout(
      tape.linear(x, weight: layer.weight, bias: layer.bias), rate: regularization.dropout)
    return tape.addResidual(residual, dropped, dropPath: dropPath)
  }

  /// `x + dropPath(scale ⊙ second(activation(first(norm(x)))))`.
  func mlp(
    _ x: Tensor, norm normName: String, _ first: String, _ second: String, scale: String? = nil,
    activation: Activation, _ dropPath: DropPath, _ tape: Tape
  ) -> Tensor {
    guard tape.training, regularization.dropout > 0 else {
      return tape.mlp(
        x, normParameters(normName), linearParameters(first, tape),
        linearParameters(second, scale: scale, tape), activation: activation, dropPath: dropPath)
    }
    var hidden = linear(norm(x, normName, tape), first, activation: activation, tape)
    hidden = tape.dropout(hidden, rate: regularization.dropout)
    return branch(hidden, second, scale: scale, residual: x, dropPath, tape)
  }

  /// Block `index` of `depth` in all: drop path rises linearly.
  func dropPath(_ index: Int, of depth: Int, _ x: Tensor) -> DropPath {
    DropPath(
      rate: regularization.dropPath * Float(index) / Float(max(1, depth - 1)),
      rowsPerSample: x.rows / x.shape[0])
  }
}

extension Parameters {
  /// The tensor, or nil where the network has none of this name.
  func optional(_ name: String) -> Tensor? { contains(name) ? self[name] : nil }
}

extension [ParameterDeclaration] {
  /// Adds a linear layer's weight and bias: truncated normal 0.02, as the transformers initialize.
  mutating func linear(_ name: String, _ inputs: Int, _ outputs: Int, bias: Bool = true) {
    append(ParameterDeclaration(name + ".weight", [outputs, inputs], .truncatedNormal(std: 0.02)))
    if bias { append(ParameterDeclaration(name + ".bias", [outputs], .zeros)) }
  }

  /// Adds the layer that tells `classes` apart, unless there are none.
  mutating func classifier(_ name: String, _ inputs: Int, classes: Int) {
    guard classes > 0 else { return }
    let first = count
    linear(name, inputs, classes)
    for index in first..<count { self[index].isClassifier = true }
  }

  /// Adds a norm's scale and shift.
  mutating func norm(_ name: String, _ channels: Int, decays: Bool? = nil) {
    append(ParameterDeclaration(name + ".weight", [channels], .ones, decays: decays))
    append(ParameterDeclaration(name + ".bias", [channels], .zeros, decays: decays))
  }

  /// Adds a batch norm's scale, shift and running statistics.
  mutating func batchNorm(_ name: String, _ channels: Int) {
    norm(name, channels)
    append(ParameterDeclaration(name + ".running_mean", [channels], .zeros, isTrainable: false))
    append(ParameterDeclaration(name + ".running_var", [channels], .ones, isTrainable: false))
  }

  /// Adds a transformer block of timm's names: norms, qkv, projection, MLP.
  /// - Parameters:
  ///   - inputs: width of what comes in, where it is not `width`.
  ///   - table: a relative position table, which Microsoft's code declares before the qkv layer.
  ///   - layerScale: whether each branch ends in one factor a channel.
  mutating func transformerBlock(
    _ name: String, width: Int, inputs: Int? = nil, inner: Int, hidden: Int, qkvBias: Bool,
    projects: Bool = true, table: ParameterDeclaration? = nil, layerScale: Bool = false
  ) {
    /// Starts at DeiT III's and DINOv2's 1e-5.
    func scale(_ name: String) -> [ParameterDeclaration] {
      layerScale ? [ParameterDeclaration(name, [width], .constant(1e-5))] : []
    }
    norm(name + "norm1", inputs ?? width)
    if let table { append(table) }
    linear(name + "attn.qkv", inputs ?? width, 3 * inner, bias: qkvBias)
    if projects { linear(name + "attn.proj", inner, width) }
    self += scale(name + "ls1.gamma")
    norm(name + "norm2", width)
    linear(name + "mlp.fc1", width, hidden)
    linear(name + "mlp.fc2", hidden, width)
    self += scale(name + "ls2.gamma")
  }
}

/// A pre-norm transformer block with global attention, by timm's names (Dosovitskiy et al., ICLR 2021).
struct TransformerBlock {
  let layers: Layers
  let heads: Int
  let headDim: Int
  let activation: Activation
  var projects = true

  /// - Parameter x: `[batch, tokens, channels]`.
  func callAsFunction(_ x: Tensor, _ name: String, _ dropPath: DropPath, _ tape: Tape) -> Tensor {
    layers.mlp(
      attended(x, name, dropPath, tape), norm: name + "norm2", name + "mlp.fc1", name + "mlp.fc2",
      scale: name + "ls2.gamma", activation: activation, dropPath, tape)
  }

  private func attended(_ x: Tensor, _ name: String, _ dropPath: DropPath, _ tape: Tape) -> Tensor {
    let qkv = layers.normLinear(x, norm: name + "norm1", name + "attn.qkv", tape)
    let mixed = tape.attention(
      qkv: qkv, heads: heads, headDim: headDim, scale: 1 / Float(headDim).squareRoot())
    return projects
      ? layers.branch(mixed, name + "attn.proj", scale: name + "ls1.gamma", residual: x, dropPath, tape)
      : tape.addResidual(x, mixed, dropPath: dropPath)
  }
}
