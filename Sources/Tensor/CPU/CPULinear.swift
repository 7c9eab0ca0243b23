import CKernels
import COpenBLAS

extension CPUBackend {
  /// The weight `[depth, columns]`, or transposed, in the panels that `vt_product` reads; nil where the BLAS does
  /// better: for few rows, which do not pay for the packing, and in builds without optimization.
  private func packed(
    _ weight: Storage, transposed: Bool, depth: Int, columns: Int, rows: Int
  ) -> Storage? {
    guard rows >= 96, vt_product_is_optimized() != 0 else { return nil }
    let panels = scratch(vt_panels_size(depth, columns))
    forRanges(columns, size: 64) { c in
      vt_pack_panels(
        panels.floats + c.lowerBound * depth,
        weight.floats + c.lowerBound * (transposed ? depth : 1), transposed ? depth : columns,
        transposed ? 1 : 0, depth, c.count)
    }
    return panels
  }

  func linearForward(
    _ shape: LinearShape, y: Storage, pre: Storage?, x: Storage, weight: Storage, bias: Storage?,
    activation: Activation, residual: Storage?, rowScale: [Float]?, rowsPerScale: Int
  ) {
    let (n, k) = (shape.outputs, shape.inputs)
    let tiles = Tiles.activations(rows: shape.rows, columns: n)
    let yp = y.floats
    let xp = x.floats
    let wp = weight.floats
    let bp = bias?.floats
    let up = pre?.floats
    let rp = residual?.floats
    let panels = packed(weight, transposed: true, depth: k, columns: n, rows: shape.rows)
    threads.run(pieces: tiles.count) { piece, _ in
      let (r, c) = tiles[piece]
      let at = r.lowerBound * n + c.lowerBound
      // The product lands in `pre` where the gradient will need it, else in `y` itself.
      let target = (up ?? yp) + at
      if let panels {
        vt_product(
          isa, target, n, xp + r.lowerBound * k, k, panels.floats + c.lowerBound * k, r.count,
          c.count, k, 0, activation.kernel, up == nil ? nil : yp + at,
          bp.map { $0 + c.lowerBound })
      } else {
        vt_sgemm(
          0, 1, Int32(r.count), Int32(c.count), Int32(k), 1, xp + r.lowerBound * k, Int32(k),
          wp + c.lowerBound * k, Int32(k), 0, target, Int32(n))
        if bp != nil || activation != .none || up != nil {
          vt_bias_activation(
            isa, activation.kernel, target, yp + at, bp.map { $0 + c.lowerBound }, r.count,
            c.count, n)
        }
      }
      guard let rp else { return }
      for row in r {
        let offset = row * n + c.lowerBound
        vt_add_scaled(
          isa, yp + offset, rp + offset, yp + offset, rowScale?[row / rowsPerScale] ?? 1, c.count)
      }
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
    let inputTiles = Tiles.activations(rows: m, columns: k)
    let weightTiles = Tiles.weights(rows: n, columns: k)
    let biasSize = 64
    let dxPieces = dx == nil ? 0 : inputTiles.count
    let dwPieces = dweight == nil ? 0 : weightTiles.count
    let dbPieces = dbias == nil ? 0 : (n + biasSize - 1) / biasSize
    let dup = du.floats
    let xp = x.floats
    let wp = weight.floats
    let panels =
      dx == nil ? nil : packed(weight, transposed: false, depth: n, columns: k, rows: m)
    threads.run(pieces: dxPieces + dwPieces + dbPieces) { piece, _ in
      if piece < dwPieces, let dweight {
        let (r, c) = weightTiles[piece]
        vt_sgemm(
          1, 0, Int32(r.count), Int32(c.count), Int32(m), 1, dup + r.lowerBound, Int32(n),
          xp + c.lowerBound, Int32(k), dweight.accumulate ? 1 : 0,
          dweight.storage.floats + r.lowerBound * k + c.lowerBound, Int32(k))
      } else if piece < dwPieces + dxPieces, let dx {
        let (r, c) = inputTiles[piece - dwPieces]
        if let panels {
          vt_product(
            isa, dx.storage.floats + r.lowerBound * k + c.lowerBound, k, dup + r.lowerBound * n, n,
            panels.floats + c.lowerBound * n, r.count, c.count, n, dx.accumulate ? 1 : 0,
            VT_ACTIVATION_NONE, nil, nil)
          return
        }
        vt_sgemm(
          0, 0, Int32(r.count), Int32(c.count), Int32(n), 1, dup + r.lowerBound * n, Int32(n),
          wp + c.lowerBound, Int32(k), dx.accumulate ? 1 : 0,
          dx.storage.floats + r.lowerBound * k + c.lowerBound, Int32(k))
      } else if let dbias {
        let first = (piece - dwPieces - dxPieces) * biasSize
        vt_column_sums(
          isa, dbias.storage.floats + first, dup + first, m, min(biasSize, n - first), n,
          dbias.accumulate ? 1 : 0)
      }
    }
  }
}
