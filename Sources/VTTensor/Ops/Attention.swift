extension Tape {
  /// Multi-head self-attention, `softmax(scale q kᵀ) v` per head. The scores exist a tile at a time;
  /// the backward pass computes them again.
  /// - Parameters:
  ///   - qkv: `[batch, tokens, 3 * heads * headDim]`: queries, keys, values, each head by head.
  ///   - scale: usually `headDim**-0.5`.
  /// - Returns: `[batch, tokens, heads * headDim]`.
  package func attention(qkv: Tensor, heads: Int, headDim: Int, scale: Float) -> Tensor {
    let width = heads * headDim
    precondition(
      qkv.shape.count == 3 && qkv.channels == 3 * width,
      "qkv \(qkv.shape) for \(heads) heads of \(headDim)")
    let shape = AttentionShape(
      batch: qkv.shape[0], queries: qkv.shape[1], keys: qkv.shape[1], heads: heads,
      headDim: headDim, scale: scale)
    return attention(shape, (qkv, 0), (qkv, width), (qkv, 2 * width))
  }

  /// The same over queries, keys and values of their own; keys and values may stand in one tensor.
  /// - Parameters:
  ///   - q: `[batch, queries, heads * headDim]`.
  ///   - kv: `[batch, keys, 2 * heads * headDim]`: keys, then values.
  /// - Returns: `[batch, queries, heads * headDim]`.
  package func attention(q: Tensor, kv: Tensor, heads: Int, headDim: Int, scale: Float) -> Tensor {
    let width = heads * headDim
    precondition(q.channels == width && kv.channels == 2 * width && q.shape[0] == kv.shape[0])
    return attention(crossShape(q, kv, heads, headDim, scale), (q, 0), (kv, 0), (kv, width))
  }

  /// The same with keys and values in two tensors of `[batch, keys, heads * headDim]`.
  package func attention(
    q: Tensor, k: Tensor, v: Tensor, heads: Int, headDim: Int, scale: Float
  ) -> Tensor {
    let width = heads * headDim
    precondition(q.channels == width && k.channels == width && v.shape == k.shape)
    precondition(q.shape[0] == k.shape[0])
    return attention(crossShape(q, k, heads, headDim, scale), (q, 0), (k, 0), (v, 0))
  }

  private func crossShape(
    _ q: Tensor, _ k: Tensor, _ heads: Int, _ headDim: Int, _ scale: Float
  ) -> AttentionShape {
    AttentionShape(
      batch: q.shape[0], queries: q.shape[1], keys: k.shape[1], heads: heads, headDim: headDim,
      scale: scale)
  }

  private func attention(
    _ shape: AttentionShape, _ q: (Tensor, Int), _ k: (Tensor, Int), _ v: (Tensor, Int)
  ) -> Tensor {
    func view(_ part: (Tensor, Int)) -> RowView {
      RowView(part.0.storage, offset: part.1, stride: part.0.channels)
    }
    let needs = needsTape(q.0, k.0, v.0)
    let out = output([shape.batch, shape.queries, shape.heads * shape.headDim], needsGradient: needs)
    let lse = engine.storage(shape.batch * shape.heads * shape.queries)
    let tiles = shape.batch * shape.heads
    let op = operation("attention", [q.0, k.0, v.0], out)
    func compute(_ out: Storage, _ backend: any Backend) {
      backend.attentionForward(shape, out: out, lse: lse, q: view(q), k: view(k), v: view(v))
    }
    forward(op) {
      compute(out.storage, backend)
      engine.countFLOPs(shape.queries, shape.keys, shape.headDim, times: 2 * tiles)
    }
    guard needs else { return out }
    out.recompute = { [engine] in
      let again = engine.storage(shape.batch * shape.queries * shape.heads * shape.headDim)
      compute(again, engine.backend)
      return again
    }
    out.cachesRecomputed = true
    record(op) { [engine] in
      guard let dout = out.gradient else { return }
      // Parts of one tensor share its gradient: only the first may find it untouched.
      var targets: [ObjectIdentifier: GradientTarget] = [:]
      func target(_ part: (Tensor, Int)) -> RowTarget {
        let id = ObjectIdentifier(part.0)
        let whole = targets[id] ?? part.0.targetOrScratch(engine)
        targets[id] = whole
        return RowTarget(
          view: RowView(whole.storage, offset: part.1, stride: part.0.channels),
          accumulate: whole.accumulate)
      }
      let (dq, dk, dv) = (target(q), target(k), target(v))
      // The four gradients' products; what is computed again does not count as work done.
      engine.countFLOPs(shape.queries, shape.keys, shape.headDim, times: 4 * tiles)
      engine.backend.attentionBackward(
        shape, dq: dq, dk: dk, dv: dv, dout: dout, out: out.storage, lse: lse, q: view(q),
        k: view(k), v: view(v))
    }
    return out
  }
}

extension Tensor {
  /// Where a gradient goes, or memory to throw away where none is wanted.
  func targetOrScratch(_ engine: Engine) -> GradientTarget {
    target(engine) ?? GradientTarget(storage: engine.storage(count), accumulate: false)
  }
}
