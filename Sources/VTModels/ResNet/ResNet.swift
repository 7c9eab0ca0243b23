import VTTensor

/// ResNet: blocks of convolutions, each added to its input. Reference: torchvision's `resnet.py`, whose names the
/// parameters have.
package final class ResNet: VisionModel {
  package let shape: ResNetConfiguration
  package let parameters: Parameters
  private let regularization: Regularization

  package var gridChannels: [Int] { [shape.width(shape.stages - 1)] }
  package var gridSides: [Int] { [shape.side(shape.stages - 1)] }

  package init(
    _ shape: ResNetConfiguration, parameters: Parameters, regularization: Regularization, engine: Engine
  ) {
    self.shape = shape
    self.regularization = regularization
    self.parameters = parameters
  }

  package func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput {
    var x = convolution(images, "conv1", stride: 2, padding: 3, tape)
    let stem = norm(x, "bn1", relu: true, tape)
    x = tape.maxPool(stem, kernel: 3, stride: 2, padding: 1)
    stem.release()
    var isRecomputable = false
    for stage in 0..<shape.stages {
      for block in 0..<shape.depths[stage] {
        let y = tape.recomputing(x) { [self] in self.block($0, stage, block, $1) }
        // Every second block's output is recomputed from the one before it, which is kept.
        if isRecomputable { x.release() }
        isRecomputable = block % 2 == 0
        x = y
      }
    }
    let (batch, height, width) = (x.shape[0], x.shape[1], x.shape[2])
    let tokens = tape.reshaped(x, [batch, height * width, x.channels])
    let pooled = tape.meanPool(tokens, first: 0)
    let layers = Layers(
      parameters: parameters, regularization: regularization, normEps: Float(shape.normEps))
    let logits = layers.classifier(pooled, "fc", tape)
    return ModelOutput(
      logits: logits, grids: [EmbeddingGrid(tokens: tokens, prefix: 0, side: height)], tokens: tokens)
  }

  private func block(_ x: Tensor, _ stage: Int, _ block: Int, _ tape: Tape) -> Tensor {
    let name = "layer\(stage + 1).\(block)."
    let convolutions = shape.convolutions(stage, block)
    var shortcut = x
    if shape.hasDownsample(stage, block) {
      shortcut = convolution(
        x, name + "downsample.0", stride: shape.stride(stage, block), padding: 0, tape)
      shortcut = norm(shortcut, name + "downsample.1", relu: false, tape)
    }
    var y = x
    for (index, c) in convolutions.enumerated() {
      let convolved = convolution(
        y, "\(name)conv\(index + 1)", stride: c.stride, padding: c.kernel / 2, tape)
      if index > 0 { y.release() }
      let isLast = index == convolutions.count - 1
      y = norm(convolved, "\(name)bn\(index + 1)", relu: true, residual: isLast ? shortcut : nil, tape)
    }
    if shape.hasDownsample(stage, block) { shortcut.release() }
    return y
  }

  private func convolution(
    _ x: Tensor, _ name: String, stride: Int, padding: Int, _ tape: Tape
  ) -> Tensor {
    tape.convolution(
      x, weight: parameters[name + ".weight"], bias: parameters.optional(name + ".bias"),
      stride: stride, padding: padding, isNormalized: !regularization.freezesBatchNorm)
  }

  private func norm(
    _ x: Tensor, _ name: String, relu: Bool, residual: Tensor? = nil, _ tape: Tape
  ) -> Tensor {
    tape.batchNorm(
      x, parameters.batchNorm(name), eps: Float(shape.normEps),
      frozen: regularization.freezesBatchNorm, residual: residual, relu: relu)
  }
}

extension Parameters {
  /// A batch norm's four tensors.
  func batchNorm(_ name: String) -> BatchNormParameters {
    BatchNormParameters(
      gamma: self[name + ".weight"], beta: self[name + ".bias"],
      runningMean: self[name + ".running_mean"], runningVariance: self[name + ".running_var"])
  }
}
