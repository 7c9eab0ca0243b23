import CKernels

extension CPUBackend {
  /// Elements per piece.
  private static let piece = 1 << 16

  func addSumOfSquares(_ x: Storage, to total: Storage) {
    let size = Self.piece
    var partial = [Double](repeating: 0, count: (x.count + size - 1) / size)
    partial.withUnsafeMutableBufferPointer { sums in
      forRanges(x.count, size: size) { r in
        sums[r.lowerBound / size] = vt_sum_of_squares(x.floats + r.lowerBound, r.count)
      }
    }
    total.doubleFloats[0] += partial.reduce(0, +)
  }

  func finishGradientNorm(_ scalars: StepScalars, loss: Storage, clipNorm: Double?) {
    let norm = scalars.sumOfSquares.doubleFloats[0].squareRoot()
    scalars.gradientNorm.doubleFloats[0] = norm
    scalars.gradientScale.floats[0] = Float(clipNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1)
    scalars.isFinite.floats[0] = norm.isFinite && loss.floats[0].isFinite ? 1 : 0
  }

  func adamW(
    parameter: Storage, firstMoment: Storage, secondMoment: Storage, gradient: Storage,
    _ settings: AdamWSettings, _ scalars: StepScalars, corrections: Storage
  ) {
    guard scalars.isFinite.floats[0] != 0 else { return }
    let (rate, scale) = (scalars.learningRate.floats[0], scalars.gradientScale.floats[0])
    let (first, second) = (corrections.floats[0], corrections.floats[1])
    forRanges(parameter.count, size: Self.piece) { r in
      let at = r.lowerBound
      vt_adamw(
        isa, parameter.floats + at, firstMoment.floats + at, secondMoment.floats + at,
        gradient.floats + at, r.count, rate, settings.weightDecay, settings.beta1, settings.beta2,
        settings.eps, first, second, scale)
    }
  }

  func sgd(
    parameter p: Storage, momentumBuffer b: Storage, gradient: Storage, _ settings: SGDSettings,
    _ scalars: StepScalars
  ) {
    guard scalars.isFinite.floats[0] != 0 else { return }
    let (rate, scale) = (
      Double(scalars.learningRate.floats[0]), Double(scalars.gradientScale.floats[0])
    )
    let (momentum, decay) = (settings.momentum, settings.weightDecay)
    /// `y += factor · x`.
    func add(_ x: Storage, times factor: Double, to y: Storage) {
      self.add(y, y, x, scale: Float(factor))
    }
    add(b, times: momentum - 1, to: b)
    add(gradient, times: scale, to: b)
    if decay != 0 {
      add(p, times: decay, to: b)
      add(p, times: -rate * decay, to: p)
    }
    add(gradient, times: -rate * scale, to: p)
    add(b, times: -rate * momentum, to: p)
  }

  func lion(
    parameter: Storage, momentum: Storage, gradient: Storage, _ settings: LionSettings, _ scalars: StepScalars
  ) {
    guard scalars.isFinite.floats[0] != 0 else { return }
    let (rate, scale) = (scalars.learningRate.floats[0], scalars.gradientScale.floats[0])
    forRanges(parameter.count, size: Self.piece) { r in
      let at = r.lowerBound
      vt_lion(
        parameter.floats + at, momentum.floats + at, gradient.floats + at, r.count, rate,
        Float(settings.weightDecay), Float(settings.beta1), Float(settings.beta2), scale)
    }
  }
}
