import CKernels

extension CPUBackend {
  /// Rows per piece of an image.
  private static let piece = 512

  private func pieces(_ s: GroupNormShape) -> Int { (s.rows + Self.piece - 1) / Self.piece }

  /// Runs `body(image, piece of it, offset of the piece's first element, its rows)`.
  private func forPieces(_ s: GroupNormShape, _ body: (Int, Int, Int, Int) -> Void) {
    let count = pieces(s)
    threads.run(pieces: s.batch * count) { index, _ in
      let (image, piece) = (index / count, index % count)
      let first = piece * Self.piece
      body(image, piece, (image * s.rows + first) * s.channels, min(Self.piece, s.rows - first))
    }
  }

  func groupMoments(
    _ s: GroupNormShape, _ factors: GroupNormFactors, x: Storage, gamma: Storage, beta: Storage,
    eps: Float
  ) {
    let (channels, width, count) = (s.channels, s.groupChannels, pieces(s))
    let partial = scratch(s.batch * count * 2 * channels)
    forPieces(s) { image, piece, at, rows in
      let out = partial.floats + (image * count + piece) * 2 * channels
      vt_column_moments(isa, out, out + channels, x.floats + at, rows, channels)
    }
    let counts = (0..<count).map { min(Self.piece, s.rows - $0 * Self.piece) }
    for image in 0..<s.batch {
      let at = image * channels
      let (mean, rstd) = (factors.mean.floats + at, factors.rstd.floats + at)
      vt_merge_moments(mean, rstd, partial.floats + image * count * 2 * channels, counts, count, channels)
      for group in 0..<s.groups {
        let range = group * width..<(group + 1) * width
        let average = range.reduce(0.0) { $0 + Double(mean[$1]) } / Double(width)
        let variance =
          range.reduce(0.0) { sum, c in
            let distance = Double(mean[c]) - average
            return sum + Double(rstd[c]) + distance * distance
          } / Double(width)
        let scale = 1 / (variance + Double(eps)).squareRoot()
        for c in range {
          mean[c] = Float(average)
          rstd[c] = Float(scale)
          factors.scale.floats[at + c] = gamma.floats[c] * rstd[c]
          factors.shift.floats[at + c] = beta.floats[c] - mean[c] * factors.scale.floats[at + c]
        }
      }
    }
  }

  func groupAffine(
    _ s: GroupNormShape, _ factors: GroupNormFactors, y: Storage, x: Storage, residual: Storage?,
    relu: Bool
  ) {
    forPieces(s) { image, _, at, rows in
      let first = image * s.channels
      vt_channel_affine(
        isa, y.floats + at, x.floats + at, factors.scale.floats + first, factors.shift.floats + first,
        residual.map { $0.floats + at }, relu ? 1 : 0, rows, s.channels)
    }
  }

  func groupNormBackward(
    _ s: GroupNormShape, _ factors: GroupNormFactors, dy: Storage, relu: Bool, output: Storage?,
    x: Storage, gamma: Storage, dx: GradientTarget?, dresidual: GradientTarget?,
    dgamma: GradientTarget?, dbeta: GradientTarget?
  ) {
    let (channels, width, count) = (s.channels, s.groupChannels, pieces(s))
    func gate(_ image: Int, _ at: Int) -> vt_gate {
      guard relu else { return vt_gate(y: nil, scale: nil, shift: nil) }
      if let output { return vt_gate(y: output.floats + at, scale: nil, shift: nil) }
      let first = image * channels
      return vt_gate(y: nil, scale: factors.scale.floats + first, shift: factors.shift.floats + first)
    }
    let partial = scratch(s.batch * count * 2 * channels)
    forPieces(s) { image, piece, at, rows in
      let sums = partial.floats + (image * count + piece) * 2 * channels
      sums.update(repeating: 0, count: 2 * channels)
      vt_batch_norm_sums(
        isa, sums, sums + channels, dy.floats + at, gate(image, at), x.floats + at,
        factors.mean.floats + image * channels, rows, channels)
    }
    // dx = rstd (γ dz - mean(γ dz) - x̂ mean(γ dz x̂)), with means over a group of an image.
    let terms = scratch(3 * s.batch * channels)
    let (a, b, shift) = (
      terms.floats, terms.floats + s.batch * channels, terms.floats + 2 * s.batch * channels
    )
    var gammas = [Double](repeating: 0, count: channels)
    var betas = gammas
    var totals = [Double](repeating: 0, count: 2 * channels)
    let n = Double(s.rows * width)
    for image in 0..<s.batch {
      vt_column_totals(&totals, partial.floats + image * count * 2 * channels, count, 2 * channels)
      let at = image * channels
      for group in 0..<s.groups {
        let range = group * width..<(group + 1) * width
        let rstd = Double(factors.rstd.floats[at + range.lowerBound])
        let sum = range.reduce(0.0) { $0 + Double(gamma.floats[$1]) * totals[$1] }
        let dot = range.reduce(0.0) { $0 + Double(gamma.floats[$1]) * totals[channels + $1] }
        for c in range {
          gammas[c] += totals[channels + c] * rstd
          betas[c] += totals[c]
          a[at + c] = Float(Double(gamma.floats[c]) * rstd)
          b[at + c] = Float(-rstd * rstd * rstd * dot / n)
          shift[at + c] = Float(-rstd * sum / n)
        }
      }
    }
    reduce(gammas, into: dgamma)
    reduce(betas, into: dbeta)
    guard dx != nil || dresidual != nil else { return }
    forPieces(s) { image, _, at, rows in
      let first = image * channels
      vt_batch_norm_input(
        isa, dx.map { $0.storage.floats + at }, dresidual.map { $0.storage.floats + at }, dy.floats + at,
        gate(image, at), x.floats + at, factors.mean.floats + first, a + first, b + first, shift + first,
        rows,
        channels, dx?.accumulate == true ? 1 : 0, dresidual?.accumulate == true ? 1 : 0)
    }
  }

  func weightStandardize(
    y: Storage, x: Storage, rows: Int, columns: Int, eps: Float, epsOutside: Bool
  ) {
    forRanges(rows, size: 16) { r in
      let at = r.lowerBound * columns
      vt_standardize_rows(y.floats + at, x.floats + at, eps, epsOutside ? 1 : 0, r.count, columns)
    }
  }

  func weightStandardizeBackward(
    dx: GradientTarget, dy: Storage, x: Storage, rows: Int, columns: Int, eps: Float, epsOutside: Bool
  ) {
    forRanges(rows, size: 16) { r in
      let at = r.lowerBound * columns
      vt_standardize_rows_backward(
        dx.storage.floats + at, dy.floats + at, x.floats + at, eps, epsOutside ? 1 : 0, r.count, columns,
        dx.accumulate ? 1 : 0)
    }
  }
}
