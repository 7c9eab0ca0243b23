import VTTensor

/// Pools tokens by the attention of one learned query, and refines what comes out with a multilayer perceptron.
/// References: big_vision's `MAPHead`; timm's `AttentionPoolLatent`, whose names the parameters have.
struct AttentionPooling {
  let layers: Layers
  let heads: Int
  let activation: Activation

  /// - Parameter x: `[batch, tokens, channels]`, normalized.
  /// - Returns: `[batch, channels]`.
  func callAsFunction(_ x: Tensor, _ name: String, _ context: Context) -> Tensor {
    let headDim = x.channels / heads
    // The query is the same for every picture: projected once.
    let query = layers.linear(layers.parameters[name + "latent"], name + "q", context)
    let mixed = context.attention(
      q: context.repeated(query, batch: x.shape[0]), kv: layers.linear(x, name + "kv", context),
      heads: heads, headDim: headDim, scale: 1 / Float(headDim).squareRoot())
    let pooled = layers.perceptron(
      layers.linear(mixed, name + "proj", context), norm: name + "norm", name + "mlp.fc1",
      name + "mlp.fc2", activation: activation, DropPath(rate: 0, rowsPerSample: 1), context)
    return context.selectToken(pooled, index: 0)
  }
}

extension [ParameterSpec] {
  /// Adds what `AttentionPooling` reads.
  mutating func attentionPooling(_ name: String, width: Int, hidden: Int) {
    append(ParameterSpec(name + "latent", [1, 1, width], .truncatedNormal(std: 0.02)))
    linear(name + "q", width, width)
    linear(name + "kv", width, 2 * width)
    linear(name + "proj", width, width)
    norm(name + "norm", width)
    linear(name + "mlp.fc1", width, hidden)
    linear(name + "mlp.fc2", hidden, width)
  }
}
