import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// The configuration of a ResNet (He et al., CVPR 2016), v1.5 (the stride in the 3x3 convolution, as torchvision) or
/// Keras's v1 (the stride in the first, convolutions with bias). The JSON keys are those of the native store.
package struct ResNetConfiguration: NetworkConfiguration, Equatable {
  package static let architecture = "resnet"
  package static var published: [NamedModel] { NamedModel.resnet }
  package static let pixelStatistics = PixelStatistics.imageNet
  package static let drlocWeight = 0.1
  package static func block(of parameter: String) -> Substring? { block(parameter, levels: ["layer", ""]) }

  package enum Block: String, Sendable, CaseIterable {
    /// Two 3x3 convolutions.
    case basic
    /// 1x1, 3x3, 1x1.
    case bottleneck
  }

  package var imageSize: Int
  package var inChannels: Int
  package var numClasses: Int
  /// Of the batch norms.
  package var normEps: Double
  package var activation: Activation
  package var block: Block
  package var depths: [Int]
  /// Inner width of each stage's blocks.
  package var channels: [Int]
  /// A block's output has so many times its inner width.
  package var expansion: Int
  package var stemChannels: Int
  /// Whether a block's first convolution has the stride.
  package var strideInFirst: Bool
  package var convBias: Bool

  package var stages: Int { depths.count }
  package func width(_ stage: Int) -> Int { channels[stage] * expansion }
  package func stride(_ stage: Int, _ block: Int) -> Int { stage > 0 && block == 0 ? 2 : 1 }
  /// Width of what a block gets.
  package func input(_ stage: Int, _ block: Int) -> Int {
    block > 0 ? width(stage) : stage > 0 ? width(stage - 1) : stemChannels
  }
  /// Whether a block's shortcut is a convolution.
  package func hasDownsample(_ stage: Int, _ block: Int) -> Bool {
    stride(stage, block) != 1 || input(stage, block) != width(stage)
  }
  /// Cells along one side of a stage's map: the stem halves twice, each later stage once.
  package func side(_ stage: Int) -> Int {
    (0..<stage + 2).reduce(imageSize) { side, _ in (side + 1) / 2 }
  }

  package init(reading reader: inout ConfigurationReader) throws {
    imageSize = reader.size("image_size")
    inChannels = reader.size("in_channels", default: 3)
    numClasses = reader.count("num_classes")
    normEps = reader.epsilon("norm_eps")
    activation = reader.choice("activation", Activation.self, default: .relu)
    block = reader.choice("block", Block.self)
    depths = reader.sizes("depths")
    channels = reader.sizes("channels", count: depths.count)
    expansion = reader.size(
      "expansion", default: block == .basic ? 1 : 4,
      usual: "1 for basic blocks, 4 for bottlenecks")
    stemChannels = reader.size("stem_channels", default: 64)
    strideInFirst = reader.flag("stride_in_first", default: false)
    convBias = reader.flag("conv_bias", default: false)
    try reader.finish()
    try checkGrid(side: side(0))
    guard activation == .relu else { throw Failure("a ResNet's activation is relu") }
    guard stages <= 8 else { throw Failure("'depths' has \(stages) stages, more than 8") }
    guard block == .bottleneck || expansion == 1 else {
      throw Failure("basic blocks have expansion 1")
    }
    guard channels.allSatisfy({ $0 <= 1 << 20 }), expansion <= 64 else {
      throw Failure("'channels' or 'expansion' is too large")
    }
  }

  package var json: JSON {
    .object([
      "architecture": .string(Self.architecture), "image_size": .int(imageSize),
      "in_channels": .int(inChannels), "num_classes": .int(numClasses),
      "norm_eps": .double(normEps), "activation": .string(activation.rawValue),
      "block": .string(block.rawValue), "depths": .list(depths),
      "channels": .list(channels), "expansion": .int(expansion),
      "stem_channels": .int(stemChannels), "stride_in_first": .bool(strideInFirst),
      "conv_bias": .bool(convBias),
    ])
  }

  /// A block's convolutions: name, inputs, outputs, kernel, stride.
  func convolutions(_ stage: Int, _ block: Int) -> [(inputs: Int, outputs: Int, kernel: Int, stride: Int)] {
    let (from, inner, to) = (input(stage, block), channels[stage], width(stage))
    let stride = stride(stage, block)
    switch self.block {
    case .basic: return [(from, inner, 3, stride), (inner, inner, 3, 1)]
    case .bottleneck:
      return [
        (from, inner, 1, strideInFirst ? stride : 1), (inner, inner, 3, strideInFirst ? 1 : stride),
        (inner, to, 1, 1),
      ]
    }
  }

  /// The parameters by native (torchvision) name, in torchvision's order.
  package var parameterDeclarations: [ParameterDeclaration] {
    var declarations: [ParameterDeclaration] = []
    func convolution(_ name: String, _ inputs: Int, _ outputs: Int, _ kernel: Int) {
      // He initialization by fan-out, as torchvision.
      let std = (2 / Double(outputs * kernel * kernel)).squareRoot()
      declarations.append(
        ParameterDeclaration(name + ".weight", [outputs, inputs, kernel, kernel], .normal(std: std)))
      if convBias { declarations.append(ParameterDeclaration(name + ".bias", [outputs], .zeros)) }
    }
    convolution("conv1", inChannels, stemChannels, 7)
    declarations.batchNorm("bn1", stemChannels)
    for stage in 0..<stages {
      for block in 0..<depths[stage] {
        let name = "layer\(stage + 1).\(block)."
        for (index, c) in convolutions(stage, block).enumerated() {
          convolution("\(name)conv\(index + 1)", c.inputs, c.outputs, c.kernel)
          declarations.batchNorm("\(name)bn\(index + 1)", c.outputs)
        }
        if hasDownsample(stage, block) {
          convolution(name + "downsample.0", input(stage, block), width(stage), 1)
          declarations.batchNorm(name + "downsample.1", width(stage))
        }
      }
    }
    declarations.classifier("fc", width(stages - 1), classes: numClasses)
    return declarations
  }
}
