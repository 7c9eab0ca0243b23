import CKernels

extension CPUBackend {
  /// Rows per piece of a batch norm.
  private static let piece = 512

  func channelMoments(mean: Storage, variance: Storage, x: Storage, rows: Int, channels: Int) {
    let size = Self.piece
    let pieces = (rows + size - 1) / size
    let partial = scratch(pieces * 2 * channels)
    threads.run(pieces: pieces) { piece, _ in
      let first = piece * size
      let out = partial.floats + piece * 2 * channels
      vt_column_moments(
        isa, out, out + channels, x.floats + first * channels, min(size, rows - first), channels)
    }
    let counts = (0..<pieces).map { min(size, rows - $0 * size) }
    vt_merge_moments(mean.floats, variance.floats, partial.floats, counts, pieces, channels)
  }

  func mergeMoments(mean: Storage, variance: Storage, _ blocks: PartialMoments) {
    vt_merge_moments(
      mean.floats, variance.floats, blocks.storage.floats, blocks.counts, blocks.counts.count, blocks.channels
    )
  }

  func moveRunningMoments(
    mean: Storage, variance: Storage, batchMean: Storage, batchVariance: Storage, rows: Int, momentum: Float
  ) {
    let unbiased = rows > 1 ? Float(rows) / Float(rows - 1) : 1
    let (m, v, newMean, newVariance) = (mean.floats, variance.floats, batchMean.floats, batchVariance.floats)
    for c in 0..<mean.count {
      m[c] += momentum * (newMean[c] - m[c])
      v[c] += momentum * (newVariance[c] * unbiased - v[c])
    }
  }

  func batchNormFactors(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, mean: Storage, variance: Storage, gamma: Storage,
    beta: Storage, eps: Float
  ) {
    let (rstd, scale, shift) = (factors.rstd.floats, factors.scale.floats, factors.shift.floats)
    for c in 0..<shape.channels {
      rstd[c] = Float(1 / (Double(variance.floats[c]) + Double(eps)).squareRoot())
      scale[c] = gamma.floats[c] * rstd[c]
      shift[c] = beta.floats[c] - mean.floats[c] * scale[c]
    }
  }

  func channelAffine(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, y: Storage, x: Storage, residual: Storage?,
    relu: Bool
  ) {
    forRanges(shape.rows, size: Self.piece) { r in
      let at = r.lowerBound * shape.channels
      vt_channel_affine(
        isa, y.floats + at, x.floats + at, factors.scale.floats, factors.shift.floats,
        residual.map { $0.floats + at }, relu ? 1 : 0, r.count, shape.channels)
    }
  }

  func batchNormBackward(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, dy: Storage, gate: ReLUGate, x: Storage,
    mean: Storage, gamma: Storage, dx: GradientTarget?, dresidual: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?
  ) {
    let (rows, channels) = (shape.rows, shape.channels)
    let (mean, rstd) = (mean.floats, factors.rstd.floats)
    let size = Self.piece
    let pieces = (rows + size - 1) / size
    let partial = scratch(pieces * 2 * channels)
    threads.run(pieces: pieces) { piece, _ in
      let at = piece * size * channels
      let sums = partial.floats + piece * 2 * channels
      sums.update(repeating: 0, count: 2 * channels)
      vt_batch_norm_sums(
        isa, sums, sums + channels, dy.floats + at, gate.kernel(at), x.floats + at, mean,
        min(size, rows - piece * size), channels)
    }
    var totals = [Double](repeating: 0, count: 2 * channels)
    vt_column_totals(&totals, partial.floats, pieces, 2 * channels)
    let (sums, dots) = (Array(totals[..<channels]), Array(totals[channels...]))
    reduce((0..<channels).map { dots[$0] * Double(rstd[$0]) }, into: dgamma)
    reduce(sums, into: dbeta)
    guard dx != nil || dresidual != nil else { return }
    let n = Double(rows)
    // dx = γ rstd (dz - mean(dz) - x̂ mean(dz x̂)); the mean terms exist only if the batch's moments were
    // used.
    let a = (0..<channels).map { gamma.floats[$0] * rstd[$0] }
    let b = (0..<channels).map { c in
      shape.usesBatch ? Float(-Double(a[c]) * dots[c] / n * Double(rstd[c]) * Double(rstd[c])) : 0
    }
    let shift = (0..<channels).map { shape.usesBatch ? Float(-Double(a[$0]) * sums[$0] / n) : 0 }
    forRanges(rows, size: size) { r in
      let at = r.lowerBound * channels
      vt_batch_norm_input(
        isa, dx.map { $0.storage.floats + at }, dresidual.map { $0.storage.floats + at }, dy.floats + at,
        gate.kernel(at), x.floats + at, mean, a, b, shift, r.count, channels,
        dx?.accumulate == true ? 1 : 0, dresidual?.accumulate == true ? 1 : 0)
    }
  }
}

extension ReLUGate {
  /// The mask from element `at` on.
  fileprivate func kernel(_ at: Int) -> vt_gate {
    switch self {
    case .open: vt_gate(y: nil, scale: nil, shift: nil)
    case .output(let y): vt_gate(y: y.floats + at, scale: nil, shift: nil)
    case .affine(let factors): vt_gate(y: nil, scale: factors.scale.floats, shift: factors.shift.floats)
    }
  }
}
