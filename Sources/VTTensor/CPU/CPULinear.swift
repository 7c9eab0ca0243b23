import CKernels

extension CPUBackend {
  func linearForward(
    _ shape: LinearShape, y: Storage, preActivation: Storage?, x: Storage, linear: LinearValues,
    activation: Activation, residual: Storage?, scales: RowScales
  ) {
    let (n, k) = (shape.outputs, shape.inputs)
    let tiles = Tiles.activations(rows: shape.rows, columns: n)
    let factor = pack(
      linear.weight.floats, stride: k, transposed: true, depth: k, columns: n, rows: shape.rows)
    let scales = broadcastRows(scales, rows: shape.rows)
    threads.run(pieces: tiles.count) { piece, _ in
      let (r, c) = tiles[piece]
      let at = r.lowerBound * n + c.lowerBound
      // The product is written to `preActivation` if the gradient will need it, otherwise to `y`.
      multiply(
        (preActivation ?? y).floats + at, stride: n, x.floats + r.lowerBound * k, stride: k, factor,
        rows: r.count,
        columns: c,
        epilogue: Epilogue(
          bias: linear.bias.map { $0.floats + c.lowerBound }, activation: activation,
          out: preActivation == nil ? nil : y.floats + at, residual: residual.map { $0.floats + at },
          rowScale: scales.map { $0.floats + r.lowerBound }))
    }
  }

  func linearBackward(
    _ shape: LinearShape, dy: Storage, preActivation: Storage?, x: Storage, weight: Storage,
    activation: Activation, scales: RowScales, keepsDy: Bool, dx: GradientTarget?, dlinear: LinearTarget
  ) {
    let (dweight, dbias) = (dlinear.weight, dlinear.bias)
    let rowScale = scales.values?.floats
    let (m, n, k) = (shape.rows, shape.outputs, shape.inputs)
    var du = dy
    if rowScale != nil || activation != .none {
      if keepsDy { du = scratch(m * n) }
      let dup = du.floats
      let dyp = dy.floats
      forRanges(m, size: 128) { rows in
        let at = rows.lowerBound * n
        var source = dyp + at
        if let rowScale {
          for row in rows {
            let s = rowScale[row / scales.rowsPerScale]
            for i in row * n..<(row + 1) * n { dup[i] = dyp[i] * s }
          }
          source = dup + at
        }
        if activation != .none, let preActivation {
          vt_activation_backward(
            isa, activation.kernel, dup + at, nil, source, preActivation.floats + at, rows.count, n, n)
        }
      }
    }
    if let dweight, n * k <= InCacheWeightGradient.most, usesOwnProducts {
      return smallBackward(shape, du: du, x: x, weight: weight, dx: dx, dweight: dweight, dbias: dbias)
    }
    // All three gradients need only `du`, so their pieces share the threads.
    let gradient = dweight.map {
      WeightGradient(
        self, rows: m, outputs: n, inputs: k, target: $0, dy: du.floats, dyStride: n,
        input: GradientInput(values: x.floats, stride: k))
    }
    var others: [ParallelTask] = []
    if let dx {
      let factor = pack(weight.floats, stride: k, transposed: false, depth: n, columns: k, rows: m)
      others.append(product(dx.storage.floats, du.floats, factor, rows: m, accumulate: dx.accumulate))
    }
    if let dbias { others.append(columnSums(of: du, rows: m, columns: n, to: dbias)) }
    run(gradient.map { [$0] } ?? [], beside: others)
  }

  /// All three gradients of a small layer, one block of rows at a time.
  private func smallBackward(
    _ shape: LinearShape, du: Storage, x: Storage, weight: Storage, dx: GradientTarget?,
    dweight: GradientTarget, dbias: GradientTarget?
  ) {
    let (n, k) = (shape.outputs, shape.inputs)
    let blocks = RowBlocks(shape.rows)
    let factor = pack(weight.floats, stride: k, transposed: false, depth: n, columns: k, rows: shape.rows)
    let gradient = InCacheWeightGradient(self, groups: blocks.groups, outputs: n, inputs: k, target: dweight)
    let sums = PartialSums(self, blocks: blocks.count, width: n)
    threads.run(pieces: blocks.groups) { group, worker in
      for block in blocks.blocks(ofGroup: group) {
        let rows = blocks[block]
        let from = du.floats + rows.lowerBound * n
        let at = rows.lowerBound * k
        if dbias != nil { vt_column_sums(isa, sums[block], from, rows.count, n, n, 0) }
        gradient.add(
          from, vt_gemm_b(x.floats + at, stride: k), rows: rows.count, group: group, worker: worker)
        guard let dx else { continue }
        multiply(
          dx.storage.floats + at, stride: k, from, stride: n, factor, rows: rows.count, columns: 0..<k,
          accumulate: dx.accumulate)
      }
    }
    gradient.finish()
    sums.reduce(into: dbias, count: n)
  }

  /// Column sums of a matrix: a bias's gradient.
  func columnSums(of x: Storage, rows: Int, columns: Int, to target: GradientTarget) -> ParallelTask {
    let size = 64
    return ParallelTask(pieces: (columns + size - 1) / size) { piece, _ in
      let first = piece * size
      vt_column_sums(
        self.isa, target.storage.floats + first, x.floats + first, rows, min(size, columns - first), columns,
        target.accumulate ? 1 : 0)
    }
  }
}
