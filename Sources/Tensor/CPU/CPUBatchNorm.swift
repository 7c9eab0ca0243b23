import CKernels

extension CPUBackend {
  /// Rows that one piece of a batch norm covers.
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
    // Merged in order by Chan's formula (Chan, Golub and LeVeque, 1983), in double.
    for c in 0..<channels {
      var (count, average, squares) = (0.0, 0.0, 0.0)
      for piece in 0..<pieces {
        let n = Double(min(size, rows - piece * size))
        let out = partial.floats + piece * 2 * channels
        let delta = Double(out[c]) - average
        average += delta * n / (count + n)
        squares += Double(out[channels + c]) + delta * delta * count * n / (count + n)
        count += n
      }
      mean.floats[c] = Float(average)
      variance.floats[c] = Float(squares / count)
    }
  }

  func channelAffine(
    y: Storage, x: Storage, scale: [Float], shift: [Float], residual: Storage?, relu: Bool,
    rows: Int, channels: Int
  ) {
    forRanges(rows, size: Self.piece) { r in
      let at = r.lowerBound * channels
      vt_channel_affine(
        isa, y.floats + at, x.floats + at, scale, shift, residual.map { $0.floats + at },
        relu ? 1 : 0, r.count, channels)
    }
  }

  func batchNormBackward(
    dy: Storage, y: Storage?, x: Storage, mean: [Float], rstd: [Float], gamma: Storage, rows: Int,
    channels: Int, usesBatch: Bool, dx: GradientTarget?, dresidual: GradientTarget?,
    dgamma: GradientTarget?, dbeta: GradientTarget?
  ) {
    let size = Self.piece
    let pieces = (rows + size - 1) / size
    let partial = scratch(pieces * 2 * channels)
    // Behind the ReLU the residual's gradient is dz itself, which may be made in its place.
    let place = dresidual.flatMap { $0.accumulate ? nil : $0.storage }
    let dz = place ?? scratch(rows * channels)
    threads.run(pieces: pieces) { piece, _ in
      let at = piece * size * channels
      let sums = partial.floats + piece * 2 * channels
      sums.update(repeating: 0, count: 2 * channels)
      vt_batch_norm_sums(
        isa, dz.floats + at, sums, sums + channels, dy.floats + at, y.map { $0.floats + at },
        x.floats + at, mean, min(size, rows - piece * size), channels)
    }
    var (sums, dots) = ([Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels))
    for piece in 0..<pieces {
      let from = partial.floats + piece * 2 * channels
      for c in 0..<channels {
        sums[c] += Double(from[c])
        dots[c] += Double(from[channels + c])
      }
    }
    for (target, values) in [(dgamma, (0..<channels).map { dots[$0] * Double(rstd[$0]) }), (dbeta, sums)] {
      guard let target else { continue }
      let out = target.storage.floats
      for c in 0..<channels { out[c] = target.accumulate ? out[c] + Float(values[c]) : Float(values[c]) }
    }
    if let dx {
      let n = Double(rows)
      // dx = γ rstd (dz - mean(dz) - x̂ mean(dz x̂)); the means are there only where the batch's moments were used.
      let a = (0..<channels).map { gamma.floats[$0] * rstd[$0] }
      let b = (0..<channels).map { c in
        usesBatch ? Float(-Double(a[c]) * dots[c] / n * Double(rstd[c]) * Double(rstd[c])) : 0
      }
      let shift = (0..<channels).map { usesBatch ? Float(-Double(a[$0]) * sums[$0] / n) : 0 }
      forRanges(rows, size: size) { r in
        let at = r.lowerBound * channels
        vt_batch_norm_input(
          isa, dx.storage.floats + at, dz.floats + at, x.floats + at, mean, a, b, shift, r.count,
          channels, dx.accumulate ? 1 : 0)
      }
    }
    if let dresidual, dresidual.accumulate {
      add(dresidual.storage, dresidual.storage, dz, scale: 1)
    }
  }
}
