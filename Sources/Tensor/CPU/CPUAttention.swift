import CKernels
import COpenBLAS

extension RowView {
  /// Row `row` of head `head`.
  func pointer(_ row: Int, _ head: Int, _ headDim: Int) -> UnsafeMutablePointer<Float> {
    storage.floats + offset + row * stride + head * headDim
  }
}

extension CPUBackend {
  /// Queries a tile of scores covers: `[queryTile, keys]` stays in the second-level cache.
  private static let queryTile = 64

  func attentionForward(
    _ shape: AttentionShape, out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView
  ) {
    let (t, n, e) = (shape.queries, shape.keys, shape.headDim)
    let width = shape.heads * e
    let tile = Self.queryTile
    let bands = (t + tile - 1) / tile
    let scores = scratch(threads.threads * tile * n)
    threads.run(pieces: shape.batch * shape.heads * bands) { piece, worker in
      let head = piece / bands % shape.heads
      let image = piece / bands / shape.heads
      let first = piece % bands * tile
      let count = min(tile, t - first)
      let s = scores.floats + worker * tile * n
      vt_sgemm(
        0, 1, Int32(count), Int32(n), Int32(e), 1, q.pointer(image * t + first, head, e),
        Int32(q.stride), k.pointer(image * n, head, e), Int32(k.stride), 0, s, Int32(n))
      vt_softmax_rows(
        isa, s, lse.floats + (image * shape.heads + head) * t + first, shape.scale, count, n, n)
      vt_sgemm(
        0, 0, Int32(count), Int32(e), Int32(n), 1, s, Int32(n), v.pointer(image * n, head, e),
        Int32(v.stride), 0, out.floats + (image * t + first) * width + head * e, Int32(width))
    }
  }

  func attentionBackward(
    _ shape: AttentionShape, dq: RowTarget, dk: RowTarget, dv: RowTarget, dout: Storage,
    out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView
  ) {
    let (t, n, e) = (shape.queries, shape.keys, shape.headDim)
    let width = shape.heads * e
    let tile = Self.queryTile
    let perWorker = 2 * tile * n + tile
    let memory = scratch(threads.threads * perWorker)
    // A head is one piece: its key and value gradients add up over the query tiles in order.
    threads.run(pieces: shape.batch * shape.heads) { piece, worker in
      let head = piece % shape.heads
      let image = piece / shape.heads
      let p = memory.floats + worker * perWorker
      let dp = p + tile * n
      let delta = dp + tile * n
      let (kp, vp) = (k.pointer(image * n, head, e), v.pointer(image * n, head, e))
      for first in stride(from: 0, to: t, by: tile) {
        let count = min(tile, t - first)
        let rows = Int32(count)
        let at = (image * t + first) * width + head * e
        let qp = q.pointer(image * t + first, head, e)
        func beta(_ target: RowTarget) -> Float { first > 0 || target.accumulate ? 1 : 0 }
        vt_sgemm(
          0, 1, rows, Int32(n), Int32(e), 1, qp, Int32(q.stride), kp, Int32(k.stride), 0, p, Int32(n))
        vt_softmax_again(
          isa, p, lse.floats + (image * shape.heads + head) * t + first, shape.scale, count, n, n)
        vt_sgemm(
          0, 1, rows, Int32(n), Int32(e), 1, dout.floats + at, Int32(width), vp, Int32(v.stride),
          0, dp, Int32(n))
        vt_sgemm(
          1, 0, Int32(n), Int32(e), rows, 1, p, Int32(n), dout.floats + at, Int32(width), beta(dv),
          dv.view.pointer(image * n, head, e), Int32(dv.view.stride))
        // Σ_j p_ij dp_ij = dout_i · out_i.
        vt_row_dots(isa, delta, dout.floats + at, out.floats + at, count, e, width, width)
        vt_softmax_backward_rows(isa, dp, p, delta, shape.scale, count, n, n)
        vt_sgemm(
          0, 0, rows, Int32(e), Int32(n), 1, dp, Int32(n), kp, Int32(k.stride),
          dq.accumulate ? 1 : 0, dq.view.pointer(image * t + first, head, e), Int32(dq.view.stride))
        vt_sgemm(
          1, 0, Int32(n), Int32(e), rows, 1, dp, Int32(n), qp, Int32(q.stride), beta(dk),
          dk.view.pointer(image * n, head, e), Int32(dk.view.stride))
      }
    }
  }
}
