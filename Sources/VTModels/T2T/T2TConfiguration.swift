import VTCheckpoint
import VTCore
import VTTensor

/// The configuration of a Tokens-to-Token ViT (Yuan et al., ICCV 2021). The JSON keys are those of the native store.
package struct T2TConfiguration: NetworkConfiguration, Equatable {
  package static let architecture = "t2t_vit"
  package static var published: [NamedModel] { NamedModel.t2t }
  package static let pixelStatistics = PixelStatistics.imageNet
  package static let drlocWeight = 0.1
  package static func block(of parameter: String) -> Substring? { block(parameter, levels: ["blocks."]) }

  package enum TokensType: String, Sendable, CaseIterable {
    /// Attention in linear time by random features between the soft splits.
    case performer
    case transformer
  }

  package var imageSize: Int
  package var inChannels: Int
  package var numClasses: Int
  package var normEps: Double
  package var activation: Activation
  package var tokensType: TokensType
  /// Width of the attention between the soft splits.
  package var tokenDim: Int
  package var embedDim: Int
  package var depth: Int
  package var numHeads: Int
  package var mlpRatio: Double
  package var qkvBias: Bool
  package var softSplitKernel: [Int]
  package var softSplitStride: [Int]
  package var softSplitPadding: [Int]
  package var tokenMLPRatio: Double
  /// Random features for each channel of a token; nil where there are none.
  package var performerKernelRatio: Double?

  package var headDim: Int { embedDim / numHeads }
  package var hidden: Int { Int(Double(embedDim) * mlpRatio) }
  package var tokenHidden: Int { Int(Double(tokenDim) * tokenMLPRatio) }
  /// Random features.
  package var features: Int { Int(Double(tokenDim) * (performerKernelRatio ?? 0)) }
  /// Cells along one side after each soft split.
  package var sides: [Int] {
    var side = imageSize
    return softSplitKernel.indices.map { i in
      side = (side + 2 * softSplitPadding[i] - softSplitKernel[i]) / softSplitStride[i] + 1
      return side
    }
  }
  package var gridSide: Int { sides.last ?? 0 }
  package var tokens: Int { 1 + gridSide * gridSide }
  /// Numbers of a token after soft split `index`.
  package func splitWidth(_ index: Int) -> Int {
    softSplitKernel[index] * softSplitKernel[index] * (index == 0 ? inChannels : tokenDim)
  }

  package init(reading reader: inout ConfigurationReader) throws {
    (imageSize, inChannels, numClasses, normEps, activation) = reader.transformerKeys()
    tokensType = reader.choice("tokens_type", TokensType.self)
    tokenDim = reader.size("token_dim")
    embedDim = reader.size("embed_dim")
    depth = reader.size("depth")
    numHeads = reader.size("num_heads")
    mlpRatio = reader.number("mlp_ratio")
    qkvBias = reader.flag("qkv_bias", default: false)
    softSplitKernel = reader.sizes("soft_split_kernel", count: 3)
    softSplitStride = reader.sizes("soft_split_stride", count: 3)
    softSplitPadding = reader.sizes("soft_split_padding", count: 3, atLeast: 0)
    tokenMLPRatio = reader.number("token_mlp_ratio")
    performerKernelRatio = reader.optionalNumber("performer_kernel_ratio")
    try reader.finish()
    guard embedDim % numHeads == 0 else {
      throw Failure("embed_dim \(embedDim) is not a multiple of num_heads \(numHeads)")
    }
    for ratio in [mlpRatio, tokenMLPRatio, performerKernelRatio ?? 1] where ratio <= 0 || ratio > 64 {
      throw Failure("a ratio of \(ratio) makes no sense")
    }
    guard tokensType == .transformer || features > 0 else {
      throw Failure("performer tokens need 'performer_kernel_ratio'")
    }
    var side = imageSize
    for i in 0..<3 {
      guard side + 2 * softSplitPadding[i] >= softSplitKernel[i] else {
        throw Failure("soft split \(i) of \(softSplitKernel[i]) does not fit a map of \(side)")
      }
      side = (side + 2 * softSplitPadding[i] - softSplitKernel[i]) / softSplitStride[i] + 1
    }
    try checkGrid(side: sides.max() ?? 0)
  }

  package var json: JSON {
    return .object([
      "architecture": .string(Self.architecture), "image_size": .int(imageSize),
      "in_channels": .int(inChannels), "num_classes": .int(numClasses),
      "norm_eps": .double(normEps), "activation": .string(activation.rawValue),
      "tokens_type": .string(tokensType.rawValue), "token_dim": .int(tokenDim),
      "embed_dim": .int(embedDim), "depth": .int(depth), "num_heads": .int(numHeads),
      "mlp_ratio": .double(mlpRatio), "qkv_bias": .bool(qkvBias),
      "soft_split_kernel": .list(softSplitKernel), "soft_split_stride": .list(softSplitStride),
      "soft_split_padding": .list(softSplitPadding), "token_mlp_ratio": .double(tokenMLPRatio),
      "performer_kernel_ratio": performerKernelRatio.map { .double($0) } ?? .null,
    ])
  }

  /// The parameters by native (yitu's) name, in yitu's order.
  package var parameterDeclarations: [ParameterDeclaration] {
    var declarations = [
      ParameterDeclaration("cls_token", [1, 1, embedDim], .truncatedNormal(std: 0.02)),
      ParameterDeclaration("pos_embed", [1, tokens, embedDim], .sinusoid, isTrainable: false),
    ]
    for index in 0..<2 {
      let name = "tokens_to_token.attention\(index + 1)."
      let width = splitWidth(index)
      switch tokensType {
      case .performer:
        declarations.append(
          ParameterDeclaration(
            name + "w", [features, tokenDim], .orthogonal(scale: Double(features).squareRoot()),
            isTrainable: false))
        declarations.linear(name + "kqv", width, 3 * tokenDim)
        declarations.linear(name + "proj", tokenDim, tokenDim)
        declarations.norm(name + "norm1", width)
        declarations.norm(name + "norm2", tokenDim)
        declarations.linear(name + "mlp.0", tokenDim, tokenHidden)
        declarations.linear(name + "mlp.2", tokenHidden, tokenDim)
      case .transformer:
        declarations.transformerBlock(
          name, width: tokenDim, inputs: width, inner: tokenDim, hidden: tokenHidden, qkvBias: false)
      }
    }
    declarations.linear("tokens_to_token.project", splitWidth(2), embedDim)
    for block in 0..<depth {
      declarations.transformerBlock(
        "blocks.\(block).", width: embedDim, inner: embedDim, hidden: hidden, qkvBias: qkvBias)
    }
    declarations.norm("norm", embedDim)
    declarations.classifier("head", embedDim, classes: numClasses)
    return declarations
  }
}
