extension Tape {
  /// Self-attention within shifted windows (Liu et al., ICCV 2021, section 3.2): windows are gathered and
  /// scattered inside, so tokens stay where they are.
  /// - Parameters:
  ///   - qkv: `[batch, height * width, 3 * heads * headDim]`: queries, keys, values, each head by head.
  ///   - table: `[(2 * window - 1)², heads]`, the relative position bias, or nil.
  ///   - padding: `[3 * heads * headDim]`, what empty cells hold: the bias of the layer that made `qkv`; nil for
  ///     zeros.
  /// - Returns: `[batch, height * width, heads * headDim]`.
  package func windowAttention(
    qkv: Tensor, layout: WindowLayout, table: Tensor?, padding: Tensor?, heads: Int, headDim: Int,
    scale: Float
  ) -> Tensor {
    precondition(
      qkv.shape.count == 3 && qkv.shape[1] == layout.height * layout.width
        && qkv.channels == 3 * heads * headDim)
    let side = 2 * layout.window - 1
    precondition(table.map { $0.count == side * side * heads } ?? true)
    let shape = WindowShape(
      batch: qkv.shape[0], heads: heads, headDim: headDim, scale: scale, layout: layout)
    let padding = layout.hasPadding ? padding : nil
    let needs = needsTape(qkv, table, padding)
    let out = output([shape.batch, qkv.shape[1], heads * headDim], needsGradient: needs)
    let tiles = shape.batch * layout.windows * heads
    let lse = engine.storage(tiles * layout.slots)
    let op = operation("window attention", [qkv, table, padding], out)
    forward(op) {
      backend.windowAttentionForward(
        shape, out: out.storage, lse: lse, qkv: qkv.storage, table: table?.storage, padding: padding?.storage)
      engine.countFLOPs(layout.slots, layout.slots, headDim, times: 2 * tiles)
    }
    guard needs else { return out }
    let kept = out.storage
    record(op) { [engine] in
      guard let dout = out.gradient else { return }
      engine.countFLOPs(layout.slots, layout.slots, headDim, times: 4 * tiles)
      engine.backend.windowAttentionBackward(
        shape, dqkv: qkv.targetOrScratch(engine), dtable: table?.target(engine),
        dpadding: padding?.target(engine), dout: dout, out: kept, lse: lse, qkv: qkv.storage,
        table: table?.storage,
        padding: padding?.storage)
    }
    return out
  }

  /// Attention in linear time by positive random features (Choromanski et al., ICLR 2021), as T2T-ViT uses
  /// it: one head, a fixed random projection.
  /// - Parameters:
  ///   - kqv: `[batch, tokens, 3 * dim]`: keys, queries, values.
  ///   - w: `[features, dim]`, which gets no gradient.
  /// - Returns: `[batch, tokens, dim]`.
  package func performerAttention(kqv: Tensor, w: Tensor, eps: Float) -> Tensor {
    let dim = kqv.channels / 3
    precondition(kqv.shape.count == 3 && kqv.channels == 3 * dim && w.shape.last == dim)
    let shape = PerformerShape(
      batch: kqv.shape[0], tokens: kqv.shape[1], dim: dim, features: w.shape[0], eps: eps)
    let needs = needsTape(kqv)
    let out = output([shape.batch, shape.tokens, dim], needsGradient: needs)
    let op = operation("performer attention", [kqv], out)
    forward(op) {
      backend.performerForward(shape, out: out.storage, kqv: kqv.storage, w: w.storage)
      engine.countFLOPs(shape.tokens, shape.features, dim, times: 4 * shape.batch)
    }
    guard needs else { return out }
    record(op) { [engine] in
      guard let dout = out.gradient, let target = kqv.target(engine) else { return }
      engine.countFLOPs(shape.tokens, shape.features, dim, times: 6 * shape.batch)
      engine.backend.performerBackward(
        shape, dkqv: target, dout: dout, kqv: kqv.storage, w: w.storage)
    }
    return out
  }
}
