extension Context {
  /// Multi-head self-attention, `softmax(scale q kᵀ) v` per head. The scores exist a tile at a time;
  /// the backward pass computes them again.
  /// - Parameters:
  ///   - qkv: `[batch, tokens, 3 * heads * headDim]`: queries, keys, values, each head by head.
  ///   - scale: usually `headDim**-0.5`.
  /// - Returns: `[batch, tokens, heads * headDim]`.
  public func attention(qkv: Tensor, heads: Int, headDim: Int, scale: Float) -> Tensor {
    precondition(
      qkv.shape.count == 3 && qkv.channels == 3 * heads * headDim,
      "qkv \(qkv.shape) for \(heads) heads of \(headDim)")
    let shape = AttentionShape(
      batch: qkv.shape[0], tokens: qkv.shape[1], heads: heads, headDim: headDim, scale: scale)
    let needs = needsTape(qkv)
    let out = output([shape.batch, shape.tokens, heads * headDim], needsGradient: needs)
    let lse = engine.storage(shape.batch * heads * shape.tokens)
    backend.attentionForward(shape, out: out.storage, lse: lse, qkv: qkv.storage)
    let tiles = shape.batch * heads
    engine.countProduct(shape.tokens, shape.tokens, headDim, times: 2 * tiles)
    guard needs else { return out }
    record { [engine] in
      guard let dout = out.gradient, let target = qkv.target(engine) else { return }
      // Scores again, then four gradients.
      engine.countProduct(shape.tokens, shape.tokens, headDim, times: 5 * tiles)
      engine.backend.attentionBackward(
        shape, dqkv: target, dout: dout, out: out.storage, lse: lse, qkv: qkv.storage)
    }
    return out
  }
}
