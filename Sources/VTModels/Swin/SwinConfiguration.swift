import VTCheckpoint
import VTCore
import VTTensor

/// The configuration of a Swin Transformer (Liu et al., ICCV 2021). The JSON keys are those of the native store.
package struct SwinConfiguration: NetworkConfiguration, Equatable {
  package static let architecture = "swin"
  package static var published: [NamedModel] { NamedModel.swin }
  package static let pixelStatistics = PixelStatistics.imageNet
  package static let drlocWeight = 0.5
  package static func block(of parameter: String) -> Substring? {
    block(parameter, levels: ["layers.", "blocks."])
  }

  package var imageSize: Int
  package var inChannels: Int
  package var numClasses: Int
  package var normEps: Double
  package var activation: Activation
  package var patchSize: Int
  /// Width of the first stage; each later one has twice its predecessor's.
  package var embedDim: Int
  package var depths: [Int]
  package var numHeads: [Int]
  package var windowSize: Int
  package var mlpRatio: Double
  package var qkvBias: Bool
  package var patchNorm: Bool
  package var absolutePositionEmbedding: Bool
  package var relativePositionBias: Bool
  /// What happens first where a grid is not a multiple of the window.
  package var windowPadding: WindowLayout.Padding

  package var stages: Int { depths.count }
  package func width(_ stage: Int) -> Int { embedDim << stage }
  /// Tokens along one side at the start of a stage.
  package func side(_ stage: Int) -> Int {
    (0..<stage).reduce(imageSize / patchSize) { side, _ in (side + 1) / 2 }
  }
  /// A stage whose grid is not larger than the window is one window, and does not shift.
  package func window(_ stage: Int) -> Int { min(windowSize, side(stage)) }
  package func hidden(_ stage: Int) -> Int { Int(Double(width(stage)) * mlpRatio) }
  package var finalWidth: Int { width(stages - 1) }

  package init(reading reader: inout ConfigurationReader) throws {
    (imageSize, inChannels, numClasses, normEps, activation) = reader.transformerKeys()
    patchSize = reader.size("patch_size")
    embedDim = reader.size("embed_dim")
    depths = reader.sizes("depths")
    numHeads = reader.sizes("num_heads", count: depths.count)
    windowSize = reader.size("window_size")
    mlpRatio = reader.number("mlp_ratio")
    qkvBias = reader.flag("qkv_bias", default: true)
    patchNorm = reader.flag("patch_norm", default: true)
    absolutePositionEmbedding = reader.flag("absolute_position_embedding", default: false)
    relativePositionBias = reader.flag("relative_position_bias", default: true)
    windowPadding = reader.choice("window_padding", WindowLayout.Padding.self, default: .padThenRoll)
    try reader.finish()
    guard imageSize % patchSize == 0 else {
      throw Failure("image_size \(imageSize) is not a multiple of patch_size \(patchSize)")
    }
    try checkGrid(side: imageSize / patchSize)
    guard stages <= 8 else { throw Failure("'depths' has \(stages) stages, more than 8") }
    guard mlpRatio > 0, mlpRatio <= 64 else { throw Failure("mlp_ratio \(mlpRatio) makes no sense") }
    for stage in 0..<stages where width(stage) % numHeads[stage] != 0 {
      throw Failure(
        "stage \(stage) is \(width(stage)) wide, no multiple of its \(numHeads[stage]) heads")
    }
  }

  package var json: JSON {
    .object([
      "architecture": .string(Self.architecture), "image_size": .int(imageSize),
      "in_channels": .int(inChannels), "num_classes": .int(numClasses),
      "norm_eps": .double(normEps), "activation": .string(activation.rawValue),
      "patch_size": .int(patchSize), "embed_dim": .int(embedDim),
      "depths": .list(depths), "num_heads": .list(numHeads),
      "window_size": .int(windowSize), "mlp_ratio": .double(mlpRatio), "qkv_bias": .bool(qkvBias),
      "patch_norm": .bool(patchNorm), "absolute_position_embedding": .bool(absolutePositionEmbedding),
      "relative_position_bias": .bool(relativePositionBias),
      "window_padding": .string(windowPadding.rawValue),
    ])
  }

  /// The parameters by native (Microsoft's) name, in Microsoft's order.
  package var parameterDeclarations: [ParameterDeclaration] {
    var declarations: [ParameterDeclaration] = []
    if absolutePositionEmbedding {
      let side = imageSize / patchSize
      declarations.append(
        ParameterDeclaration(
          "absolute_pos_embed", [1, side * side, embedDim], .truncatedNormal(std: 0.02), decays: false))
    }
    let patch = "patch_embed.proj"
    declarations.append(
      ParameterDeclaration(
        patch + ".weight", [embedDim, inChannels, patchSize, patchSize], .truncatedNormal(std: 0.02)))
    declarations.append(ParameterDeclaration(patch + ".bias", [embedDim], .zeros))
    if patchNorm { declarations.norm("patch_embed.norm", embedDim) }
    for stage in 0..<stages {
      let d = width(stage)
      for block in 0..<depths[stage] {
        let name = "layers.\(stage).blocks.\(block)."
        let side = 2 * window(stage) - 1
        let table = ParameterDeclaration(
          name + "attn.relative_position_bias_table", [side * side, numHeads[stage]],
          .truncatedNormal(std: 0.02), decays: false)
        declarations.transformerBlock(
          name, width: d, inner: d, hidden: hidden(stage), qkvBias: qkvBias,
          table: relativePositionBias ? table : nil)
      }
      if stage < stages - 1 {
        let name = "layers.\(stage).downsample."
        declarations.linear(name + "reduction", 4 * d, 2 * d, bias: false)
        declarations.norm(name + "norm", 4 * d)
      }
    }
    declarations.norm("norm", finalWidth)
    declarations.classifier("head", finalWidth, classes: numClasses)
    return declarations
  }
}
