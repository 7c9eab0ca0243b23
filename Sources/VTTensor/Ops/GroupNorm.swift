extension Tape {
  /// `(x - mean) / sqrt(var + eps) * gamma + beta`, mean and biased variance over an image's cells and a group of
  /// neighbouring channels (Wu and He, "Group Normalization", ECCV 2018); then the residual, then the ReLU.
  /// - Parameters:
  ///   - x: `[batch, height, width, channels]`.
  ///   - gamma: `[channels]`, as is `beta`.
  ///   - groups: divides the channels.
  ///   - residual: the shape of `x`.
  /// - Returns: the shape of `x`.
  package func groupNorm(
    _ x: Tensor, gamma: Tensor, beta: Tensor, groups: Int, eps: Float, residual: Tensor? = nil,
    relu: Bool = false
  ) -> Tensor {
    let shape = GroupNormShape(
      batch: x.shape[0], rows: x.rows / x.shape[0], channels: x.channels, groups: groups)
    precondition(x.channels % groups == 0 && gamma.count == x.channels && beta.count == x.channels)
    precondition(residual.map { $0.count == x.count } ?? true)
    let count = shape.batch * shape.channels
    let factors = GroupNormFactors(
      mean: engine.storage(count), rstd: engine.storage(count), scale: engine.storage(count),
      shift: engine.storage(count))
    let needs = needsTape(x, gamma, beta, residual)
    let y = output(x.shape, needsGradient: needs)
    let op = operation("group norm", [x, gamma, beta, residual], y)
    forward(op) {
      backend.groupMoments(
        shape, factors, x: x.storage, gamma: gamma.storage, beta: beta.storage, eps: eps)
      backend.groupAffine(
        shape, factors, y: y.storage, x: x.storage, residual: residual?.storage, relu: relu)
    }
    guard needs else { return y }
    let gate = relu && residual != nil ? y.storage : nil
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      // Nobody reads `dy` again: it becomes the input's gradient where that has none yet.
      let dx = x.needsGradient ? x.gradientTarget(engine, taking: dy) : nil
      engine.backend.groupNormBackward(
        shape, factors, dy: dy, relu: relu, output: gate, x: x.storage, gamma: gamma.storage,
        dx: dx.map { GradientTarget(storage: $0.storage, accumulate: $0.accumulate) },
        dresidual: residual?.target(engine), dgamma: gamma.target(engine), dbeta: beta.target(engine))
    }
    return y
  }

  /// A kernel whose outputs each have mean 0 and deviation 1 (Qiao et al., "Micro-Batch Training with Batch-Channel
  /// Normalization and Weight Standardization", 2019).
  /// - Parameters:
  ///   - weight: `[outputs, ...]`.
  ///   - epsOutside: divide by `deviation + eps` rather than `sqrt(variance + eps)`.
  /// - Returns: the shape of `weight`.
  package func weightStandardize(_ weight: Tensor, eps: Float, epsOutside: Bool) -> Tensor {
    let rows = weight.shape[0]
    let columns = weight.count / rows
    let needs = needsTape(weight)
    let y = output(weight.shape, needsGradient: needs)
    let op = operation("weight standardization", [weight], y)
    forward(op) {
      backend.weightStandardize(
        y: y.storage, x: weight.storage, rows: rows, columns: columns, eps: eps, epsOutside: epsOutside)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient, let dx = weight.target(engine) else { return }
      engine.backend.weightStandardizeBackward(
        dx: dx, dy: dy, x: weight.storage, rows: rows, columns: columns, eps: eps, epsOutside: epsOutside)
    }
    return y
  }
}
