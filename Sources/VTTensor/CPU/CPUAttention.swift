import CKernels

extension RowView {
  /// Row `row` of head `head`.
  func pointer(_ row: Int, _ head: Int, _ headDim: Int) -> UnsafeMutablePointer<Float> {
    storage.floats + offset + row * stride + head * headDim
  }
}

extension CPUBackend {
  /// Queries per piece of the forward pass, if a head has more.
  private static let band = 384

  func attentionForward(
    _ shape: AttentionShape, out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView
  ) {
    let (t, n, e) = (shape.queries, shape.keys, shape.headDim)
    let width = shape.heads * e
    let bands = (t + Self.band - 1) / Self.band
    let perWorker = vt_attention_forward_scratch(n, e)
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: shape.batch * shape.heads * bands) { piece, worker in
      let head = piece / bands % shape.heads
      let image = piece / bands / shape.heads
      let first = t * (piece % bands) / bands
      let count = t * (piece % bands + 1) / bands - first
      vt_attention_forward(
        isa,
        vt_head(
          queries: count, keys: n, dim: e, scale: shape.scale, q: q.pointer(image * t + first, head, e),
          k: k.pointer(image * n, head, e), v: v.pointer(image * n, head, e), ldq: q.stride, ldk: k.stride,
          ldv: v.stride, bias: nil, mask: nil),
        out.floats + (image * t + first) * width + head * e, width,
        lse.floats + (image * shape.heads + head) * t + first, memory.floats + worker * perWorker)
    }
  }

  func attentionBackward(
    _ shape: AttentionShape, dq: RowTarget, dk: RowTarget, dv: RowTarget, dout: Storage,
    out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView
  ) {
    let (t, n, e) = (shape.queries, shape.keys, shape.headDim)
    let width = shape.heads * e
    let perWorker = vt_attention_backward_scratch(t, n, e)
    let memory = scratch(threads.threads * perWorker)
    // A head is one piece: its key and value gradients are summed over the queries in order.
    threads.run(pieces: shape.batch * shape.heads) { piece, worker in
      let (image, head) = (piece / shape.heads, piece % shape.heads)
      let at = image * t * width + head * e
      vt_attention_backward(
        isa,
        vt_head(
          queries: t, keys: n, dim: e, scale: shape.scale, q: q.pointer(image * t, head, e),
          k: k.pointer(image * n, head, e), v: v.pointer(image * n, head, e), ldq: q.stride, ldk: k.stride,
          ldv: v.stride, bias: nil, mask: nil),
        vt_head_gradient(
          dq: dq.view.pointer(image * t, head, e), dk: dk.view.pointer(image * n, head, e),
          dv: dv.view.pointer(image * n, head, e), ldq: dq.view.stride, ldk: dk.view.stride,
          ldv: dv.view.stride, keep_q: dq.accumulate ? 1 : 0, keep_k: dk.accumulate ? 1 : 0,
          keep_v: dv.accumulate ? 1 : 0),
        dout.floats + at, out.floats + at, width,
        lse.floats + (image * shape.heads + head) * t, nil, memory.floats + worker * perWorker)
    }
  }
}
