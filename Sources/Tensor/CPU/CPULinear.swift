import CKernels

extension CPUBackend {
  func linearForward(
    _ shape: LinearShape, y: Storage, pre: Storage?, x: Storage, weight: Storage, bias: Storage?,
    activation: Activation, residual: Storage?, rowScale: [Float]?, rowsPerScale: Int
  ) {
    let (n, k) = (shape.outputs, shape.inputs)
    let tiles = Tiles.activations(rows: shape.rows, columns: n)
    let factor = pack(weight.floats, stride: k, transposed: true, depth: k, columns: n, rows: shape.rows)
    let scales = spreadRows(rowScale, perScale: rowsPerScale, rows: shape.rows)
    threads.run(pieces: tiles.count) { piece, _ in
      let (r, c) = tiles[piece]
      let at = r.lowerBound * n + c.lowerBound
      // The product lands in `pre` where the gradient will need it, else in `y` itself.
      multiply(
        (pre ?? y).floats + at, stride: n, x.floats + r.lowerBound * k, stride: k, factor, rows: r.count,
        columns: c,
        finish: ProductFinish(
          bias: bias.map { $0.floats + c.lowerBound }, activation: activation,
          out: pre == nil ? nil : y.floats + at, residual: residual.map { $0.floats + at },
          rowScale: scales.map { $0.floats + r.lowerBound }))
    }
  }

  func linearBackward(
    _ shape: LinearShape, dy: Storage, pre: Storage?, x: Storage, weight: Storage,
    activation: Activation, rowScale: [Float]?, rowsPerScale: Int, keepsDy: Bool,
    dx: GradientTarget?, dweight: GradientTarget?, dbias: GradientTarget?
  ) {
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
            let s = rowScale[row / rowsPerScale]
            for i in row * n..<(row + 1) * n { dup[i] = dyp[i] * s }
          }
          source = dup + at
        }
        if activation != .none, let pre {
          vt_activation_backward(
            isa, activation.kernel, dup + at, source, pre.floats + at, rows.count * n)
        }
      }
    }
    // All three gradients need only `du`, so their pieces share the threads.
    let gradient = dweight.map {
      WeightGradient(
        self, rows: m, outputs: n, inputs: k, target: $0, dy: du.floats, dyStride: n,
        input: GradientInput(values: x.floats, stride: k))
    }
    let tiles = Tiles.activations(rows: m, columns: k)
    let factor =
      dx == nil ? nil : pack(weight.floats, stride: k, transposed: false, depth: n, columns: k, rows: m)
    let biasSize = 64
    let dwPieces = gradient?.pieces ?? 0
    let dxPieces = dx == nil ? 0 : tiles.count
    let dbPieces = dbias == nil ? 0 : (n + biasSize - 1) / biasSize
    threads.run(pieces: dwPieces + dxPieces + dbPieces) { piece, worker in
      if piece < dwPieces {
        gradient?.run(piece, worker: worker)
      } else if piece < dwPieces + dxPieces, let dx, let factor {
        let (r, c) = tiles[piece - dwPieces]
        multiply(
          dx.storage.floats + r.lowerBound * k + c.lowerBound, stride: k, du.floats + r.lowerBound * n,
          stride: n, factor, rows: r.count, columns: c, accumulate: dx.accumulate)
      } else if let dbias {
        let first = (piece - dwPieces - dxPieces) * biasSize
        vt_column_sums(
          isa, dbias.storage.floats + first, du.floats + first, m, min(biasSize, n - first), n,
          dbias.accumulate ? 1 : 0)
      }
    }
    gradient?.finish()
  }
}
