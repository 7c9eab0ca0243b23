/// A batch norm's tensors, each `[channels]`. The running ones are updated in training, not by gradients.
package struct BatchNormParameters {
  package let gamma: Tensor
  package let beta: Tensor
  package let runningMean: Tensor
  package let runningVariance: Tensor

  package init(gamma: Tensor, beta: Tensor, runningMean: Tensor, runningVariance: Tensor) {
    self.gamma = gamma
    self.beta = beta
    self.runningMean = runningMean
    self.runningVariance = runningVariance
  }
}

extension Tape {
  /// `(x - mean) / sqrt(var + eps) * gamma + beta` by channel (Ioffe and Szegedy, ICML 2015), then the residual,
  /// then the ReLU. In training the batch's own mean and biased variance are used, and the running ones move
  /// towards it by `momentum`, the variance unbiased, as PyTorch does; otherwise the running ones are used.
  /// - Parameters:
  ///   - x: `[..., channels]`.
  ///   - frozen: use the running statistics in training too, and leave them alone: for small batches.
  ///   - residual: the shape of `x`.
  /// - Returns: the shape of `x`.
  package func batchNorm(
    _ x: Tensor, _ parameters: BatchNormParameters, eps: Float, momentum: Float = 0.1,
    frozen: Bool = false, residual: Tensor? = nil, relu: Bool = false
  ) -> Tensor {
    let (rows, channels) = (x.rows, x.channels)
    let (gamma, beta) = (parameters.gamma, parameters.beta)
    precondition(gamma.count == channels && beta.count == channels)
    precondition(residual.map { $0.count == x.count } ?? true)
    let usesBatch = training && !frozen
    let (mean, variance) =
      usesBatch
      ? batchMoments(x, parameters, momentum: momentum)
      : (parameters.runningMean.values, parameters.runningVariance.values)
    let rstd = variance.map { Float(1 / (Double($0) + Double(eps)).squareRoot()) }
    let scale = (0..<channels).map { gamma.storage.floats[$0] * rstd[$0] }
    let shift = (0..<channels).map { beta.storage.floats[$0] - mean[$0] * scale[$0] }
    let needs = needsTape(x, gamma, beta, residual)
    let y = output(x.shape, needsGradient: needs)
    let op = operation("batch norm", [x, gamma, beta, residual], y)
    func compute(_ y: Storage, _ backend: any Backend) {
      backend.channelAffine(
        y: y, x: x.storage, scale: scale, shift: shift, residual: residual?.storage, relu: relu, rows: rows,
        channels: channels)
    }
    forward(op) { compute(y.storage, backend) }
    guard needs else { return y }
    y.recompute = { [engine] in
      let again = engine.storage(rows * channels)
      compute(again, engine.backend)
      return again
    }
    y.cachesRecomputed = residual != nil
    let shape = BatchNormShape(rows: rows, channels: channels, usesBatch: usesBatch)
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      let gate: ReLUGate =
        !relu ? .open : residual == nil ? .affine(scale: scale, shift: shift) : .output(y.storage)
      // Nobody reads `dy` again: it becomes the input's gradient where that has none yet.
      let dx = x.needsGradient ? x.gradientTarget(engine, taking: dy) : nil
      engine.backend.batchNormBackward(
        shape, dy: dy, gate: gate, x: x.storage, mean: mean, rstd: rstd, gamma: gamma.storage,
        dx: dx.map { GradientTarget(storage: $0.storage, accumulate: $0.accumulate) },
        dresidual: residual?.target(engine), dgamma: gamma.target(engine),
        dbeta: beta.target(engine))
    }
    return y
  }

  private func batchMoments(
    _ x: Tensor, _ parameters: BatchNormParameters, momentum: Float
  ) -> ([Float], [Float]) {
    let (rows, channels) = (x.rows, x.channels)
    let (mean, variance) = (engine.empty([channels]), engine.empty([channels]))
    forward(operation("batch moments", [x], mean)) {
      if let blocks = x.partialMoments {
        backend.mergeMoments(mean: mean.storage, variance: variance.storage, blocks)
      } else {
        backend.channelMoments(
          mean: mean.storage, variance: variance.storage, x: x.storage, rows: rows, channels: channels)
      }
    }
    // A recomputed forward pass must not count twice.
    if !isRecomputation {
      let unbiased = rows > 1 ? Float(rows) / Float(rows - 1) : 1
      let (m, v) = (parameters.runningMean.storage.floats, parameters.runningVariance.storage.floats)
      for c in 0..<channels {
        m[c] += momentum * (mean.storage.floats[c] - m[c])
        v[c] += momentum * (variance.storage.floats[c] * unbiased - v[c])
      }
    }
    return (mean.values, variance.values)
  }
}
