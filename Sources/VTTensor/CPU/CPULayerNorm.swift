import CKernels

extension CPUBackend {
  func layerNormForward(
    y: Storage, mean: Storage, rstd: Storage, x: Storage, gamma: Storage, beta: Storage,
    rows: Int, channels: Int, eps: Float, epsOutside: Bool
  ) {
    forRanges(rows, size: 128) { r in
      let at = r.lowerBound * channels
      vt_layer_norm_forward(
        isa, y.floats + at, mean.floats + r.lowerBound, rstd.floats + r.lowerBound, x.floats + at,
        gamma.floats, beta.floats, r.count, channels, eps, epsOutside ? 1 : 0)
    }
  }

  func layerNormBackward(
    dy: Storage, x: Storage, mean: Storage, rstd: Storage, gamma: Storage, rows: Int,
    channels: Int, outerEps: Float, dx: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?
  ) {
    // Each piece sums the scale's and shift's gradients over its own rows; the pieces' sums are added in
    // order afterwards.
    let size = 128
    let pieces = (rows + size - 1) / size
    let partial = scratch(pieces * 2 * channels)
    let unused = dx == nil ? scratch(rows * channels) : nil
    let target = dx?.storage ?? unused!
    threads.run(pieces: pieces) { piece, _ in
      let first = piece * size
      let at = first * channels
      let sums = partial.floats + piece * 2 * channels
      sums.update(repeating: 0, count: 2 * channels)
      vt_layer_norm_backward(
        isa, target.floats + at, sums, sums + channels, dy.floats + at, x.floats + at,
        mean.floats + first, rstd.floats + first, gamma.floats, min(size, rows - first), channels,
        outerEps, dx?.accumulate == true ? target.floats + at : nil)
    }
    for (gradient, offset) in [(dgamma, 0), (dbeta, channels)] {
      guard let gradient else { continue }
      vt_column_sums(
        isa, gradient.storage.floats, partial.floats + offset, pieces, channels, 2 * channels,
        gradient.accumulate ? 1 : 0)
    }
  }

  /// Normalizes a block of rows to `out` and saves their statistics.
  func normalize(
    _ out: UnsafeMutablePointer<Float>, _ x: Storage, _ norm: NormState, _ rows: Range<Int>, channels: Int
  ) {
    vt_layer_norm_forward(
      isa, out, norm.mean.floats + rows.lowerBound, norm.rstd.floats + rows.lowerBound,
      x.floats + rows.lowerBound * channels, norm.gamma.floats, norm.beta.floats, rows.count, channels,
      norm.eps, norm.epsOutside ? 1 : 0)
  }

  /// Computes the gradient of a block's rows from that of the normalized rows and adds it to `residual`; the
  /// gradients of scale and shift go to `sums [2 * channels]`.
  func normalizeBackward(
    _ dx: UnsafeMutablePointer<Float>, _ dn: UnsafeMutablePointer<Float>,
    sums: UnsafeMutablePointer<Float>, _ x: Storage, _ norm: NormState, _ rows: Range<Int>,
    channels: Int, residual: UnsafeMutablePointer<Float>?
  ) {
    sums.update(repeating: 0, count: 2 * channels)
    vt_layer_norm_backward(
      isa, dx, sums, sums + channels, dn, x.floats + rows.lowerBound * channels,
      norm.mean.floats + rows.lowerBound, norm.rstd.floats + rows.lowerBound, norm.gamma.floats,
      rows.count, channels, norm.epsOutside ? norm.eps : 0, residual)
  }
}
