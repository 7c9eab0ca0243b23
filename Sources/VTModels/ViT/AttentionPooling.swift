import VTTensor

/// Pools tokens by the attention of one learned query, and refines what comes out with a MLP.
/// References: big_vision's `MAPHead`; timm's `AttentionPoolLatent`, whose names the parameters have.
struct AttentionPooling {
  let layers: Layers
  let heads: Int
  let activation: Activation

  /// - Parameter x: `[batch, tokens, channels]`, normalized.
  /// - Returns: `[batch, channels]`.
  func callAsFunction(_ x: Tensor, _ name: String, _ tape: Tape) -> Tensor {
    let headDim = x.channels / heads
    // The query is the same for every image: projected once.
    let query = layers.linear(layers.parameters[name + "latent"], name + "q", tape)
    let mixed = tape.attention(
      q: tape.expand(query, batch: x.shape[0]), kv: layers.linear(x, name + "kv", tape),
      heads: heads, headDim: headDim, scale: 1 / Float(headDim).squareRoot())
    let pooled = layers.mlp(
      layers.linear(mixed, name + "proj", tape), norm: name + "norm", name + "mlp.fc1",
      name + "mlp.fc2", activation: activation, DropPath(rate: 0, rowsPerSample: 1), tape)
    return tape.select(pooled, index: 0)
  }
}

extension [ParameterDeclaration] {
  /// Adds what `AttentionPooling` reads.
  mutating func attentionPooling(_ name: String, width: Int, hidden: Int) {
    append(ParameterDeclaration(name + "latent", [1, 1, width], .truncatedNormal(std: 0.02)))
    linear(name + "q", width, width)
    linear(name + "kv", width, 2 * width)
    linear(name + "proj", width, width)
    norm(name + "norm", width)
    linear(name + "mlp.fc1", width, hidden)
    linear(name + "mlp.fc2", hidden, width)
  }
}
