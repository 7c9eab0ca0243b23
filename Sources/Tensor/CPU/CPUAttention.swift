import CKernels
import COpenBLAS

extension CPUBackend {
  /// Queries a tile of scores covers: `[queryTile, tokens]` stays in the second-level cache.
  private static let queryTile = 64

  func attentionForward(_ shape: AttentionShape, out: Storage, lse: Storage, qkv: Storage) {
    let (t, e) = (shape.tokens, shape.headDim)
    let width = shape.heads * e
    let row = Int32(3 * width)
    let tile = Self.queryTile
    let bands = (t + tile - 1) / tile
    let scores = scratch(threads.threads * tile * t)
    threads.run(pieces: shape.batch * shape.heads * bands) { piece, worker in
      let head = piece / bands % shape.heads
      let image = piece / bands / shape.heads
      let first = piece % bands * tile
      let count = min(tile, t - first)
      let base = qkv.floats + image * t * 3 * width + head * e
      let s = scores.floats + worker * tile * t
      vt_sgemm(
        0, 1, Int32(count), Int32(t), Int32(e), 1, base + first * 3 * width, row, base + width,
        row, 0, s, Int32(t))
      vt_softmax_rows(
        isa, s, lse.floats + (image * shape.heads + head) * t + first, shape.scale, count, t, t)
      vt_sgemm(
        0, 0, Int32(count), Int32(e), Int32(t), 1, s, Int32(t), base + 2 * width, row, 0,
        out.floats + (image * t + first) * width + head * e, Int32(width))
    }
  }

  func attentionBackward(
    _ shape: AttentionShape, dqkv: GradientTarget, dout: Storage, out: Storage, lse: Storage,
    qkv: Storage
  ) {
    let (t, e) = (shape.tokens, shape.headDim)
    let width = shape.heads * e
    let row = Int32(3 * width)
    let tile = Self.queryTile
    let perWorker = 2 * tile * t + tile
    let memory = scratch(threads.threads * perWorker)
    let keep: Float = dqkv.accumulate ? 1 : 0
    // A head is one piece: its key and value gradients add up over the query tiles in order.
    threads.run(pieces: shape.batch * shape.heads) { piece, worker in
      let head = piece % shape.heads
      let image = piece / shape.heads
      let offset = image * t * 3 * width + head * e
      let base = qkv.floats + offset
      let dbase = dqkv.storage.floats + offset
      let p = memory.floats + worker * perWorker
      let dp = p + tile * t
      let delta = dp + tile * t
      for first in stride(from: 0, to: t, by: tile) {
        let count = min(tile, t - first)
        let rows = Int32(count)
        let at = (image * t + first) * width + head * e
        let q = base + first * 3 * width
        let beta: Float = first == 0 ? keep : 1
        vt_sgemm(0, 1, rows, Int32(t), Int32(e), 1, q, row, base + width, row, 0, p, Int32(t))
        vt_softmax_again(
          isa, p, lse.floats + (image * shape.heads + head) * t + first, shape.scale, count, t, t)
        vt_sgemm(
          0, 1, rows, Int32(t), Int32(e), 1, dout.floats + at, Int32(width), base + 2 * width, row,
          0, dp, Int32(t))
        vt_sgemm(
          1, 0, Int32(t), Int32(e), rows, 1, p, Int32(t), dout.floats + at, Int32(width), beta,
          dbase + 2 * width, row)
        // Σ_j p_ij dp_ij = dout_i · out_i.
        vt_row_dots(isa, delta, dout.floats + at, out.floats + at, count, e, width, width)
        vt_softmax_backward_rows(isa, dp, p, delta, shape.scale, count, t, t)
        vt_sgemm(
          0, 0, rows, Int32(e), Int32(t), 1, dp, Int32(t), base + width, row, keep,
          dbase + first * 3 * width, row)
        vt_sgemm(
          1, 0, Int32(t), Int32(e), rows, 1, dp, Int32(t), q, row, beta, dbase + width, row)
      }
    }
  }
}
