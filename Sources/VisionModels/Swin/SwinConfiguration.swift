import Checkpoint
import Tensor

/// The shape of a Swin Transformer (Liu et al., ICCV 2021). The JSON keys are those of the native store.
public struct SwinConfiguration: NetworkConfiguration, Equatable {
  public static let architecture = "swin"

  public var imageSize: Int
  public var inChannels: Int
  public var numClasses: Int
  public var normEps: Double
  public var activation: Activation
  public var patchSize: Int
  /// Width of the first stage; each later one has twice its predecessor's.
  public var embedDim: Int
  public var depths: [Int]
  public var numHeads: [Int]
  public var windowSize: Int
  public var mlpRatio: Double
  public var qkvBias: Bool
  public var patchNorm: Bool
  public var absolutePositionEmbedding: Bool
  public var relativePositionBias: Bool
  /// What happens first where a grid is no multiple of the window.
  public var windowPadding: WindowLayout.Padding

  public var stages: Int { depths.count }
  public func width(_ stage: Int) -> Int { embedDim << stage }
  /// Tokens along one side at the start of a stage.
  public func side(_ stage: Int) -> Int {
    (0..<stage).reduce(imageSize / patchSize) { side, _ in (side + 1) / 2 }
  }
  /// A stage whose grid is not larger than the window is one window, and does not shift.
  public func window(_ stage: Int) -> Int { min(windowSize, side(stage)) }
  public func hidden(_ stage: Int) -> Int { Int(Double(width(stage)) * mlpRatio) }
  public var finalWidth: Int { width(stages - 1) }

  /// - Throws: `Failure` naming the key that is missing, malformed, unknown or contradicts another.
  public init(_ json: JSON) throws {
    var reader = try ConfigurationReader(json, architecture: Self.architecture)
    imageSize = try reader.size("image_size")
    inChannels = try reader.size("in_channels", default: 3)
    numClasses = try reader.classCount()
    normEps = try reader.number("norm_eps")
    activation = try reader.choice("activation", Activation.self)
    patchSize = try reader.size("patch_size")
    embedDim = try reader.size("embed_dim")
    depths = try reader.sizes("depths")
    numHeads = try reader.sizes("num_heads", count: depths.count)
    windowSize = try reader.size("window_size")
    mlpRatio = try reader.number("mlp_ratio")
    qkvBias = try reader.flag("qkv_bias", default: true)
    patchNorm = try reader.flag("patch_norm", default: true)
    absolutePositionEmbedding = try reader.flag("absolute_position_embedding", default: false)
    relativePositionBias = try reader.flag("relative_position_bias", default: true)
    windowPadding = try reader.choice(
      "window_padding", WindowLayout.Padding.self, default: .padThenRoll)
    try reader.finish()
    guard imageSize % patchSize == 0 else {
      throw Failure("image_size \(imageSize) is no multiple of patch_size \(patchSize)")
    }
    try checkGrid(side: imageSize / patchSize)
    guard stages <= 8 else { throw Failure("'depths' has \(stages) stages, more than 8") }
    guard mlpRatio > 0, mlpRatio <= 64 else { throw Failure("mlp_ratio \(mlpRatio) makes no sense") }
    for stage in 0..<stages where width(stage) % numHeads[stage] != 0 {
      throw Failure(
        "stage \(stage) is \(width(stage)) wide, no multiple of its \(numHeads[stage]) heads")
    }
  }

  public var json: JSON {
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
  public var parameterSpecs: [ParameterSpec] {
    var specs: [ParameterSpec] = []
    if absolutePositionEmbedding {
      let side = imageSize / patchSize
      specs.append(
        ParameterSpec(
          "absolute_pos_embed", [1, side * side, embedDim], .truncatedNormal(std: 0.02), decays: false))
    }
    let patch = "patch_embed.proj"
    specs.append(
      ParameterSpec(
        patch + ".weight", [embedDim, inChannels, patchSize, patchSize], .truncatedNormal(std: 0.02)))
    specs.append(ParameterSpec(patch + ".bias", [embedDim], .zeros))
    if patchNorm { specs.norm("patch_embed.norm", embedDim) }
    for stage in 0..<stages {
      let d = width(stage)
      for block in 0..<depths[stage] {
        let name = "layers.\(stage).blocks.\(block)."
        let side = 2 * window(stage) - 1
        let table = ParameterSpec(
          name + "attn.relative_position_bias_table", [side * side, numHeads[stage]],
          .truncatedNormal(std: 0.02), decays: false)
        specs.transformerBlock(
          name, width: d, inner: d, hidden: hidden(stage), qkvBias: qkvBias,
          table: relativePositionBias ? table : nil)
      }
      if stage < stages - 1 {
        let name = "layers.\(stage).downsample."
        specs.linear(name + "reduction", 4 * d, 2 * d, bias: false)
        specs.norm(name + "norm", 4 * d)
      }
    }
    specs.norm("norm", finalWidth)
    specs.classifier("head", finalWidth, classes: numClasses)
    return specs
  }
}
