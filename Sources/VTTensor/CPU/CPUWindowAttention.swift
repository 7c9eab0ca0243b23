import CKernels

extension CPUBackend {
  /// The table expanded to `[heads, slots, score stride]`, queries first; keys first if `turned`.
  private func spread(_ table: Storage, _ shape: WindowShape, turned: Bool) -> Storage {
    let layout = shape.layout
    let ld = vt_score_stride(layout.slots)
    let area = layout.slots * ld
    let bias = scratch(shape.heads * area)
    fill(bias, with: 0)
    let (to, from) = (bias.floats, table.floats)
    for i in 0..<layout.slots {
      for j in 0..<layout.slots {
        let row = layout.tableRow(i, j) * shape.heads
        let at = turned ? j * ld + i : i * ld + j
        for head in 0..<shape.heads { to[head * area + at] = from[row + head] }
      }
    }
    return bias
  }

  /// Copies a window's rows from the grid.
  private func gather(
    _ out: UnsafeMutablePointer<Float>, _ grid: UnsafeMutablePointer<Float>, _ cells: ArraySlice<Int32>,
    padding: Storage?, width: Int
  ) {
    for (slot, cell) in cells.enumerated() {
      let row = out + slot * width
      if cell >= 0 {
        row.update(from: grid + Int(cell) * width, count: width)
      } else if let padding {
        row.update(from: padding.floats, count: width)
      } else {
        row.update(repeating: 0, count: width)
      }
    }
  }

  func windowAttentionForward(
    _ shape: WindowShape, out: Storage, lse: Storage, qkv: Storage, table: Storage?, padding: Storage?
  ) {
    let layout = shape.layout
    let (n, e) = (layout.slots, shape.headDim)
    let width = shape.heads * e
    let tokens = layout.height * layout.width
    let bias = table.map { spread($0, shape, turned: false) }
    let perWorker = n * 4 * width + vt_attention_forward_scratch(n, e)
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: shape.batch * layout.windows) { piece, worker in
      let (image, window) = (piece / layout.windows, piece % layout.windows)
      let cells = layout.cells[window * n..<(window + 1) * n]
      let local = memory.floats + worker * perWorker
      let mixed = local + n * 3 * width
      gather(local, qkv.floats + image * tokens * 3 * width, cells, padding: padding, width: 3 * width)
      withMask(layout, window) { mask in
        for head in 0..<shape.heads {
          vt_attention_forward(
            isa, self.head(shape, local, head, bias, mask), mixed + head * e, width,
            lse.floats + (piece * shape.heads + head) * n, mixed + n * width)
        }
      }
      for (slot, cell) in cells.enumerated() where cell >= 0 {
        (out.floats + (image * tokens + Int(cell)) * width).update(
          from: mixed + slot * width, count: width)
      }
    }
  }

  /// One head of one window whose rows are in `local`.
  private func head(
    _ shape: WindowShape, _ local: UnsafeMutablePointer<Float>, _ head: Int, _ bias: Storage?,
    _ mask: UnsafePointer<Float>?
  ) -> vt_head {
    let (n, e) = (shape.layout.slots, shape.headDim)
    let width = shape.heads * e
    let q = local + head * e
    return vt_head(
      queries: n, keys: n, dim: e, scale: shape.scale, q: q, k: q + width, v: q + 2 * width,
      ldq: 3 * width, ldk: 3 * width, ldv: 3 * width,
      bias: bias.map { UnsafePointer($0.floats + head * n * vt_score_stride(n)) }, mask: mask)
  }

  /// Calls `body` with a window's mask, which is symmetric, or nil.
  private func withMask(
    _ layout: WindowLayout, _ window: Int, _ body: (UnsafePointer<Float>?) -> Void
  ) {
    guard let index = layout.maskOfWindow[window] else { return body(nil) }
    layout.masks[index].withUnsafeBufferPointer { body($0.baseAddress) }
  }

  func windowAttentionBackward(
    _ shape: WindowShape, dqkv: GradientTarget, dtable: GradientTarget?, dpadding: GradientTarget?,
    dout: Storage, out: Storage, lse: Storage, qkv: Storage, table: Storage?, padding: Storage?
  ) {
    let layout = shape.layout
    let (n, e) = (layout.slots, shape.headDim)
    let width = shape.heads * e
    let tokens = layout.height * layout.width
    let bias = table.map { spread($0, shape, turned: true) }
    // Windows are divided into a fixed number of groups; each sums the bias's gradient over its own windows.
    let windows = shape.batch * layout.windows
    let groups = min(windows, 16)
    let area = shape.heads * n * vt_score_stride(n)
    let sums = scratch(groups * (area + 3 * width))
    let perWorker = n * 8 * width + vt_attention_backward_scratch(n, n, e)
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: groups) { group, worker in
      let dbias = sums.floats + group * (area + 3 * width)
      let dempty = dbias + area
      dbias.update(repeating: 0, count: area + 3 * width)
      let local = memory.floats + worker * perWorker
      let dlocal = local + n * 3 * width
      let dmixed = dlocal + n * 3 * width
      let mixed = dmixed + n * width
      let rest = mixed + n * width
      for piece in group * windows / groups..<(group + 1) * windows / groups {
        let (image, window) = (piece / layout.windows, piece % layout.windows)
        let cells = layout.cells[window * n..<(window + 1) * n]
        gather(local, qkv.floats + image * tokens * 3 * width, cells, padding: padding, width: 3 * width)
        // The output of a padded cell is discarded, so it has no gradient.
        gather(dmixed, dout.floats + image * tokens * width, cells, padding: nil, width: width)
        gather(mixed, out.floats + image * tokens * width, cells, padding: nil, width: width)
        withMask(layout, window) { mask in
          for head in 0..<shape.heads {
            let dq = dlocal + head * e
            vt_attention_backward(
              isa, self.head(shape, local, head, bias, mask),
              vt_head_gradient(
                dq: dq, dk: dq + width, dv: dq + 2 * width, ldq: 3 * width, ldk: 3 * width,
                ldv: 3 * width, keep_q: 0, keep_k: 0, keep_v: 0),
              dmixed + head * e, mixed + head * e, width,
              lse.floats + (piece * shape.heads + head) * n,
              dtable == nil ? nil : dbias + head * n * vt_score_stride(n), rest)
          }
        }
        for (slot, cell) in cells.enumerated() {
          let from = dlocal + slot * 3 * width
          if cell < 0 {
            vt_add_scaled(isa, dempty, dempty, from, 1, 3 * width)
            continue
          }
          reduce(
            from, into: dqkv, at: (image * tokens + Int(cell)) * 3 * width, count: 3 * width)
        }
      }
    }
    let total = scratch(area + 3 * width)
    forRanges(area + 3 * width, size: 4096) { r in
      vt_column_sums(
        isa, total.floats + r.lowerBound, sums.floats + r.lowerBound, groups, r.count,
        area + 3 * width, 0)
    }
    if let dtable { collect(total.floats, shape, dtable) }
    if let dpadding { reduce(total.floats + area, into: dpadding, count: 3 * width) }
  }

  /// Sums the gradients of `[heads, slots, score stride]`, keys first, in the table's rows.
  private func collect(
    _ dbias: UnsafeMutablePointer<Float>, _ shape: WindowShape, _ dtable: GradientTarget
  ) {
    let layout = shape.layout
    let n = layout.slots
    let ld = vt_score_stride(n)
    let out = dtable.storage.floats
    if !dtable.accumulate { fill(dtable.storage, with: 0) }
    for i in 0..<n {
      for j in 0..<n {
        let row = layout.tableRow(i, j) * shape.heads
        for head in 0..<shape.heads { out[row + head] += dbias[head * n * ld + j * ld + i] }
      }
    }
  }
}
