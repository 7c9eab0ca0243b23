import CKernels
import COpenBLAS

extension CPUBackend {
  /// The table spread out to `[heads, slots, slots]`.
  private func spread(_ table: Storage, _ shape: WindowShape) -> Storage {
    let layout = shape.layout
    let area = layout.slots * layout.slots
    let bias = scratch(shape.heads * area)
    for i in 0..<layout.slots {
      for j in 0..<layout.slots {
        let row = layout.tableRow(i, j) * shape.heads
        for head in 0..<shape.heads {
          bias.floats[head * area + i * layout.slots + j] = table.floats[row + head]
        }
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
    _ shape: WindowShape, out: Storage, qkv: Storage, table: Storage?, padding: Storage?
  ) {
    let layout = shape.layout
    let (n, e) = (layout.slots, shape.headDim)
    let width = shape.heads * e
    let tokens = layout.height * layout.width
    let bias = table.map { spread($0, shape) }
    let perWorker = n * 4 * width + n * n
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: shape.batch * layout.windows) { piece, worker in
      let (image, window) = (piece / layout.windows, piece % layout.windows)
      let cells = layout.cells[window * n..<(window + 1) * n]
      let local = memory.floats + worker * perWorker
      let mixed = local + n * 3 * width
      let s = mixed + n * width
      gather(local, qkv.floats + image * tokens * 3 * width, cells, padding: padding, width: 3 * width)
      for head in 0..<shape.heads {
        let q = local + head * e
        scores(shape, window, head, s, q, bias)
        vt_sgemm(
          0, 0, Int32(n), Int32(e), Int32(n), 1, s, Int32(n), q + 2 * width, Int32(3 * width), 0,
          mixed + head * e, Int32(width))
      }
      for (slot, cell) in cells.enumerated() where cell >= 0 {
        (out.floats + (image * tokens + Int(cell)) * width).update(
          from: mixed + slot * width, count: width)
      }
    }
  }

  /// Probabilities `[slots, slots]` of one head of one window.
  private func scores(
    _ shape: WindowShape, _ window: Int, _ head: Int, _ s: UnsafeMutablePointer<Float>,
    _ q: UnsafeMutablePointer<Float>, _ bias: Storage?
  ) {
    let n = shape.layout.slots
    let width = shape.heads * shape.headDim
    vt_sgemm(
      0, 1, Int32(n), Int32(n), Int32(shape.headDim), 1, q, Int32(3 * width), q + width,
      Int32(3 * width), 0, s, Int32(n))
    if let regions = shape.layout.regions {
      regions.withUnsafeBufferPointer {
        vt_window_softmax(
          isa, s, bias.map { $0.floats + head * n * n }, $0.baseAddress! + window * n, shape.scale, n)
      }
    } else {
      vt_window_softmax(isa, s, bias.map { $0.floats + head * n * n }, nil, shape.scale, n)
    }
  }

  func windowAttentionBackward(
    _ shape: WindowShape, dqkv: GradientTarget, dtable: GradientTarget?, dpadding: GradientTarget?,
    dout: Storage, qkv: Storage, table: Storage?, padding: Storage?
  ) {
    let layout = shape.layout
    let (n, e) = (layout.slots, shape.headDim)
    let width = shape.heads * e
    let tokens = layout.height * layout.width
    let bias = table.map { spread($0, shape) }
    // Windows go in a fixed number of groups; each sums the bias's gradient over its own windows.
    let windows = shape.batch * layout.windows
    let groups = min(windows, 16)
    let area = shape.heads * n * n
    let sums = scratch(groups * (area + 3 * width))
    let perWorker = n * 7 * width + 2 * n * n + n
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: groups) { group, worker in
      let dbias = sums.floats + group * (area + 3 * width)
      let dempty = dbias + area
      dbias.update(repeating: 0, count: area + 3 * width)
      let local = memory.floats + worker * perWorker
      let dlocal = local + n * 3 * width
      let dmixed = dlocal + n * 3 * width
      let p = dmixed + n * width
      let dp = p + n * n
      let delta = dp + n * n
      for piece in group * windows / groups..<(group + 1) * windows / groups {
        let (image, window) = (piece / layout.windows, piece % layout.windows)
        let cells = layout.cells[window * n..<(window + 1) * n]
        gather(local, qkv.floats + image * tokens * 3 * width, cells, padding: padding, width: 3 * width)
        // What an empty cell would answer is thrown away, so no gradient comes from there.
        gather(dmixed, dout.floats + image * tokens * width, cells, padding: nil, width: width)
        for head in 0..<shape.heads {
          let q = local + head * e
          let dq = dlocal + head * e
          let row = Int32(3 * width)
          scores(shape, window, head, p, q, bias)
          vt_sgemm(
            0, 1, Int32(n), Int32(n), Int32(e), 1, dmixed + head * e, Int32(width), q + 2 * width,
            row, 0, dp, Int32(n))
          vt_sgemm(
            1, 0, Int32(n), Int32(e), Int32(n), 1, p, Int32(n), dmixed + head * e, Int32(width), 0,
            dq + 2 * width, row)
          vt_row_dots(isa, delta, p, dp, n, n, n, n)
          vt_softmax_backward_rows(isa, dp, p, delta, 1, n, n, n)
          if dtable != nil {
            vt_add_scaled(isa, dbias + head * n * n, dbias + head * n * n, dp, 1, n * n)
          }
          vt_sgemm(
            0, 0, Int32(n), Int32(e), Int32(n), shape.scale, dp, Int32(n), q + width, row, 0, dq, row)
          vt_sgemm(
            1, 0, Int32(n), Int32(e), Int32(n), shape.scale, dp, Int32(n), q, row, 0, dq + width, row)
        }
        for (slot, cell) in cells.enumerated() {
          let from = dlocal + slot * 3 * width
          if cell < 0 {
            vt_add_scaled(isa, dempty, dempty, from, 1, 3 * width)
            continue
          }
          deliver(
            from, to: dqkv, at: (image * tokens + Int(cell)) * 3 * width, count: 3 * width)
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
    if let dpadding { deliver(total.floats + area, to: dpadding, count: 3 * width) }
  }

  /// Adds the gradients of `[heads, slots, slots]` up in the table's rows.
  private func collect(
    _ dbias: UnsafeMutablePointer<Float>, _ shape: WindowShape, _ dtable: GradientTarget
  ) {
    let layout = shape.layout
    let n = layout.slots
    let out = dtable.storage.floats
    if !dtable.accumulate { dtable.storage.fill(0) }
    for i in 0..<n {
      for j in 0..<n {
        let row = layout.tableRow(i, j) * shape.heads
        for head in 0..<shape.heads { out[row + head] += dbias[head * n * n + i * n + j] }
      }
    }
  }
}
