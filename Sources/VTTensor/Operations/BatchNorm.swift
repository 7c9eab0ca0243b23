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

/// Inputs: x, gamma, beta, residual, mean, variance. Saves the reciprocal deviations, and the norm as `x ⊙ scale + shift`.
struct BatchNorm: Operation {
  static let name = "batch norm"
  let outputShape: [Int]
  let shape: BatchNormShape
  let eps: Float
  let relu: Bool
  let hasResidual: Bool

  var operands: [Operand] {
    let (count, channels) = (shape.rows * shape.channels, shape.channels)
    return [
      Operand("x", count), Operand("gamma", channels), Operand("beta", channels),
      Operand("residual", count, isOptional: true), Operand("mean", channels), Operand("variance", channels),
    ]
  }
  func saved(needsGradient: Bool) -> [Int] { [Int](repeating: shape.channels, count: 3) }
  /// With a residual, it reads two tensors.
  var recomputation: Recomputation { hasResidual ? .once : .eachTime }

  func forward(_ pass: ForwardPass) {
    pass.backend.batchNormFactors(
      shape, factors(pass.saved), mean: pass[4], variance: pass[5], gamma: pass[1], beta: pass[2], eps: eps)
    recompute(pass)
  }

  func recompute(_ pass: ForwardPass) {
    pass.backend.channelAffine(
      shape, factors(pass.saved), y: pass.output, x: pass[0], residual: pass.optional(3), relu: relu)
  }

  func backward(_ pass: BackwardPass) {
    let factors = factors(pass.saved)
    let gate: ReLUGate = !relu ? .open : hasResidual ? .output(pass.output) : .affine(factors)
    pass.backend.batchNormBackward(
      shape, factors, dy: pass.dy, gate: gate, x: pass[0], mean: pass[4], gamma: pass[1],
      dx: pass.targetTakingDy(0), dresidual: pass.target(3), dgamma: pass.target(1), dbeta: pass.target(2))
  }

  private func factors(_ saved: [Storage]) -> BatchNormFactors {
    BatchNormFactors(rstd: saved[0], scale: saved[1], shift: saved[2])
  }
}

/// Input: x. The output is each channel's mean; saves the biased variance. Its gradient is part of the
/// norm's.
struct BatchMoments: Operation {
  static let name = "batch moments"
  static let isDifferentiable = false
  let treatsImagesApart = false
  let rows: Int
  let channels: Int

  var operands: [Operand] { [Operand("x", rows * channels)] }
  var outputShape: [Int] { [channels] }
  func saved(needsGradient: Bool) -> [Int] { [channels] }

  func forward(_ pass: ForwardPass) {
    if let blocks = pass.inputs[0]?.partialMoments {
      pass.backend.mergeMoments(mean: pass.output, variance: pass.saved[0], blocks)
    } else {
      pass.backend.channelMoments(
        mean: pass.output, variance: pass.saved[0], x: pass[0], rows: rows, channels: channels)
    }
  }
}

extension Tape {
  /// `(x - mean) / sqrt(var + eps) * gamma + beta` by channel (Ioffe and Szegedy, ICML 2015), then the residual,
  /// then the ReLU. In training the batch's own mean and biased variance are used, and the running ones move
  /// towards it by `momentum`, the variance unbiased, as PyTorch does; otherwise the running ones are used.
  /// - Parameters:
  ///   - x: `[..., channels]`.
  ///   - frozen: use the running statistics in training, too, and do not update them: for small batches.
  ///   - residual: the shape of `x`.
  /// - Returns: the shape of `x`.
  package func batchNorm(
    _ x: Tensor, _ parameters: BatchNormParameters, eps: Float, momentum: Float = 0.1,
    frozen: Bool = false, residual: Tensor? = nil, relu: Bool = false
  ) -> Tensor {
    let usesBatch = training && !frozen
    let (mean, variance) =
      usesBatch
      ? batchMoments(x, parameters, momentum: momentum)
      : (parameters.runningMean, parameters.runningVariance)
    return apply(
      BatchNorm(
        outputShape: x.shape,
        shape: BatchNormShape(rows: x.rows, channels: x.channels, usesBatch: usesBatch), eps: eps, relu: relu,
        hasResidual: residual != nil),
      [x, parameters.gamma, parameters.beta, residual, mean, variance])
  }

  /// A convolution and the batch norm after it, whose moments are computed while the convolution's output is
  /// in the cache. See `convolution` and `batchNorm`.
  package func normalizedConvolution(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int, padding: Int, _ norm: BatchNormParameters,
    eps: Float, frozen: Bool = false, residual: Tensor? = nil, relu: Bool = false
  ) -> Tensor {
    let convolved = convolution(
      x, weight: weight, bias: bias, stride: stride, padding: padding, findsMoments: training && !frozen)
    return batchNorm(convolved, norm, eps: eps, frozen: frozen, residual: residual, relu: relu)
  }

  private func batchMoments(
    _ x: Tensor, _ parameters: BatchNormParameters, momentum: Float
  ) -> (mean: Tensor, variance: Tensor) {
    let (mean, saved) = run(BatchMoments(rows: x.rows, channels: x.channels), [x])
    // A recomputed forward pass must not count twice.
    if movesStatistics {
      backend.moveRunningMoments(
        mean: parameters.runningMean.storage, variance: parameters.runningVariance.storage,
        batchMean: mean.storage, batchVariance: saved[0], rows: x.rows, momentum: momentum)
    }
    return (mean, Tensor(Value([x.channels], saved[0])))
  }
}
