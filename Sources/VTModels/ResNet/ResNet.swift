import VTTensor

/// ResNet: blocks of convolutions, each added to its input. Reference: torchvision's `resnet.py`, whose names the
/// parameters have.
package final class ResNet: VisionModel {
  package let configuration: ResNetConfiguration
  package let parameters: Parameters
  private let regularization: Regularization

  package var gridChannels: [Int] { [configuration.width(configuration.stages - 1)] }
  package var gridSides: [Int] { [configuration.side(configuration.stages - 1)] }

  package init(
    _ configuration: ResNetConfiguration, parameters: Parameters, regularization: Regularization,
    engine: Engine
  ) {
    self.configuration = configuration
    self.regularization = regularization
    self.parameters = parameters
  }

  package func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput {
    var x = tape.maxPool(
      convolution(images, "conv1", norm: "bn1", stride: 2, padding: 3, relu: true, tape), kernel: 3,
      stride: 2,
      padding: 1)
    for stage in 0..<configuration.stages {
      for block in 0..<configuration.depths[stage] {
        x = tape.recomputing(x) { [self] in self.block($0, stage, block, $1) }
      }
    }
    let (batch, height, width) = (x.shape[0], x.shape[1], x.shape[2])
    let tokens = tape.reshaped(x, [batch, height * width, x.channels])
    let pooled = tape.meanPool(tokens, first: 0)
    let layers = Layers(
      parameters: parameters, regularization: regularization, normEps: Float(configuration.normEps))
    let logits = layers.classifier(pooled, "fc", tape)
    return ModelOutput(
      logits: logits, grids: [EmbeddingGrid(tokens: tokens, prefix: 0, side: height)], tokens: tokens)
  }

  private func block(_ x: Tensor, _ stage: Int, _ block: Int, _ tape: Tape) -> Tensor {
    let name = "layer\(stage + 1).\(block)."
    let convolutions = configuration.convolutions(stage, block)
    var shortcut = x
    if configuration.hasDownsample(stage, block) {
      shortcut = convolution(
        x, name + "downsample.0", norm: name + "downsample.1", stride: configuration.stride(stage, block),
        padding: 0,
        relu: false, tape)
    }
    var y = x
    for (index, c) in convolutions.enumerated() {
      y = convolution(
        y, "\(name)conv\(index + 1)", norm: "\(name)bn\(index + 1)", stride: c.stride, padding: c.kernel / 2,
        residual: index == convolutions.count - 1 ? shortcut : nil, relu: true, tape)
    }
    return y
  }

  /// A convolution and the batch norm after it.
  private func convolution(
    _ x: Tensor, _ name: String, norm: String, stride: Int, padding: Int, residual: Tensor? = nil, relu: Bool,
    _ tape: Tape
  ) -> Tensor {
    tape.normalizedConvolution(
      x, weight: parameters[name + ".weight"], bias: parameters.optional(name + ".bias"), stride: stride,
      padding: padding, parameters.batchNorm(norm), eps: Float(configuration.normEps),
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
