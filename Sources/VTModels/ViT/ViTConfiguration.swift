import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// The configuration of a Vision Transformer (Dosovitskiy et al., ICLR 2021), or of a DeiT (Touvron et al.,
/// ICML 2021) where it has a distillation token, a DeiT III (Touvron et al., ECCV 2022) or DINOv2 (Oquab et al., TMLR
/// 2024) where it has layer scales, with registers or without (Darcet et al., ICLR 2024), or of CLIP's image tower
/// (Radford et al., ICML 2021) where a norm is in front. The JSON keys are those of the native store.
package struct ViTConfiguration: NetworkConfiguration, Equatable {
  package static let architecture = "vit"
  package static var published: [NamedModel] { NamedModel.vit }
  package static let pixelStatistics = PixelStatistics.half
  /// Not from the paper, which has no plain ViT: at 0.1 a small one does not learn to localize (docs/results.md).
  package static let drlocWeight = 1.0
  package static func block(of parameter: String) -> Substring? { block(parameter, levels: ["blocks."]) }

  package enum Pooling: String, Sendable, CaseIterable {
    /// The class token.
    case cls
    /// The mean of the patch tokens.
    case mean
    /// One learned query attends to all tokens (big_vision's `MAPHead`, timm's `AttentionPoolLatent`; Zhai et al.,
    /// "Scaling Vision Transformers", CVPR 2022).
    case map
    /// The class token and the mean of the patch tokens beside it (DINOv2's classifiers).
    case clsAndMean = "cls_and_mean"
    /// One head on each of the two tokens, their logits averaged.
    case clsAndDistillation = "cls_and_distillation"
  }

  package enum PositionEmbedding: String, Sendable, CaseIterable {
    case learned
    /// Fixed sines and cosines of column and row, for the patches alone.
    case sincos2d
  }

  package var imageSize: Int
  package var inChannels: Int
  package var numClasses: Int
  package var normEps: Double
  package var activation: Activation
  package var patchSize: Int
  package var embedDim: Int
  package var depth: Int
  package var numHeads: Int
  package var headDim: Int
  package var mlpDim: Int
  package var qkvBias: Bool
  package var classToken: Bool
  package var distillationToken: Bool
  /// Learned tokens after the class token that nothing reads in the end.
  package var numRegisters: Int
  package var pooling: Pooling
  /// Whether the final norm is after the mean of the patches (timm's `fc_norm`) and not in front of it.
  package var normAfterPooling: Bool
  package var positionEmbedding: PositionEmbedding
  /// Whether the position table has rows for the class and the distillation token.
  package var positionEmbeddingCoversClassToken: Bool
  package var positionEmbeddingCoversRegisters: Bool
  /// Width of a tanh layer in front of the head, or nil.
  package var representationSize: Int?
  /// Whether the attention output is projected (absent in some networks of a single head).
  package var attentionProjection: Bool
  /// Whether each residual branch ends in one learned factor a channel.
  package var layerScale: Bool
  /// Whether a norm is in front of the first block, as in CLIP (Radford et al., ICML 2021).
  package var preNorm: Bool
  /// Whether the patches' projection has a bias.
  package var patchBias: Bool
  /// The ResNet in front of the patches, which are then cut from its last map; nil for the usual ViT.
  package var resnet: ResNetStemConfiguration?

  /// Cells along one side of what patches are cut from: the image, or the ResNet's last map.
  private var mapSide: Int { resnet.map { (imageSize + $0.stride - 1) / $0.stride } ?? imageSize }
  /// Patches along one side of the image.
  package var gridSide: Int { mapSide / patchSize }
  /// Tokens in front of the patches.
  package var prefixTokens: Int { readTokens + numRegisters }
  /// Tokens in front of the registers.
  private var readTokens: Int { (classToken ? 1 : 0) + (distillationToken ? 1 : 0) }
  /// Rows of the position table for tokens in front of the patches.
  var positionedPrefix: Int {
    (positionEmbeddingCoversClassToken ? readTokens : 0)
      + (positionEmbeddingCoversRegisters ? numRegisters : 0)
  }
  /// Width of what the classifier, or the layer in front of it, reads.
  private var pooledWidth: Int { pooling == .clsAndMean ? 2 * embedDim : embedDim }
  package var tokens: Int { prefixTokens + gridSide * gridSide }

  package init(reading reader: inout ConfigurationReader) throws {
    (imageSize, inChannels, numClasses, normEps, activation) = reader.transformerKeys()
    patchSize = reader.size("patch_size")
    embedDim = reader.size("embed_dim")
    depth = reader.size("depth")
    numHeads = reader.size("num_heads")
    headDim = reader.size("head_dim", default: embedDim / numHeads, usual: "embed_dim / num_heads")
    mlpDim = reader.size("mlp_dim", default: 4 * embedDim, usual: "4 * embed_dim")
    qkvBias = reader.flag("qkv_bias", default: true)
    classToken = reader.flag("class_token", default: true)
    distillationToken = reader.flag("distillation_token", default: false)
    numRegisters = reader.count("num_registers", default: 0)
    pooling = reader.choice(
      "pooling", Pooling.self, default: distillationToken ? .clsAndDistillation : .cls,
      usual: "cls, or cls_and_distillation with a distillation token")
    normAfterPooling = reader.flag("norm_after_pooling", default: false)
    positionEmbedding = reader.choice("position_embedding", PositionEmbedding.self, default: .learned)
    positionEmbeddingCoversClassToken = reader.flag("position_embedding_covers_class_token", default: true)
    positionEmbeddingCoversRegisters = reader.flag("position_embedding_covers_registers", default: false)
    representationSize = reader.optionalSize("representation_size")
    attentionProjection = reader.flag("attention_projection", default: true)
    layerScale = reader.flag("layer_scale", default: false)
    preNorm = reader.flag("pre_norm", default: false)
    patchBias = reader.flag("patch_bias", default: true)
    resnet = try ResNetStemConfiguration(&reader)
    try reader.finish()
    guard headDim > 0 else { throw Failure("num_heads \(numHeads) is more than embed_dim \(embedDim)") }
    guard mapSide % patchSize == 0 else {
      throw Failure(
        resnet == nil
          ? "image_size \(imageSize) is not a multiple of patch_size \(patchSize)"
          : "the ResNet's last map has \(mapSide) cells a side at image_size \(imageSize), no multiple of patch_size \(patchSize)"
      )
    }
    try checkGrid(side: gridSide)
    guard ![.cls, .clsAndMean].contains(pooling) || classToken else {
      throw Failure("pooling '\(pooling.rawValue)' needs a class token")
    }
    guard numRegisters == 0 || !distillationToken else {
      throw Failure("num_registers \(numRegisters): registers go without a distillation token")
    }
    guard !positionEmbeddingCoversRegisters || numRegisters > 0 else {
      throw Failure("position_embedding_covers_registers, but num_registers is 0")
    }
    guard !positionEmbeddingCoversRegisters || positionEmbeddingCoversClassToken || !classToken else {
      throw Failure("position_embedding_covers_registers goes with position_embedding_covers_class_token")
    }
    guard !layerScale || attentionProjection else {
      throw Failure("layer_scale goes with attention_projection")
    }
    guard !distillationToken || classToken else {
      throw Failure("a distillation token goes with a class token")
    }
    guard pooling != .clsAndDistillation || distillationToken else {
      throw Failure("pooling 'cls_and_distillation' needs a distillation token")
    }
    guard pooling != .map || !classToken else {
      throw Failure("pooling 'map' goes without a class token")
    }
    guard pooling != .map || numHeads * headDim == embedDim else {
      throw Failure("pooling 'map' needs num_heads * head_dim equal to embed_dim")
    }
    guard !normAfterPooling || pooling == .mean else {
      throw Failure("norm_after_pooling goes with pooling 'mean'")
    }
    guard positionEmbedding == .learned || embedDim % 4 == 0 else {
      throw Failure("position embedding 'sincos2d' needs an embed_dim that 4 divides")
    }
    guard positionEmbedding == .learned || positionedPrefix == 0 else {
      throw Failure("position embedding 'sincos2d' does not cover the class token or registers")
    }
    guard attentionProjection || numHeads * headDim == embedDim else {
      throw Failure("without attention_projection, num_heads * head_dim must equal embed_dim")
    }
  }

  package var json: JSON {
    let usual: JSON = .object([
      "architecture": .string(Self.architecture), "image_size": .int(imageSize),
      "in_channels": .int(inChannels), "num_classes": .int(numClasses),
      "norm_eps": .double(normEps), "activation": .string(activation.rawValue),
      "patch_size": .int(patchSize), "embed_dim": .int(embedDim), "depth": .int(depth),
      "num_heads": .int(numHeads), "head_dim": .int(headDim), "mlp_dim": .int(mlpDim),
      "qkv_bias": .bool(qkvBias), "class_token": .bool(classToken),
      "distillation_token": .bool(distillationToken), "num_registers": .int(numRegisters),
      "pooling": .string(pooling.rawValue),
      "norm_after_pooling": .bool(normAfterPooling),
      "position_embedding": .string(positionEmbedding.rawValue),
      "position_embedding_covers_class_token": .bool(positionEmbeddingCoversClassToken),
      "position_embedding_covers_registers": .bool(positionEmbeddingCoversRegisters),
      "representation_size": representationSize.map { .int($0) } ?? .null,
      "attention_projection": .bool(attentionProjection), "layer_scale": .bool(layerScale),
      "pre_norm": .bool(preNorm), "patch_bias": .bool(patchBias),
    ])
    return .object((usual.members ?? []) + (resnet?.json ?? []))
  }

  /// The fixed table of `sincos2d`, `[patches, embedDim]`: sines and cosines of the column, then of the row, times
  /// `10000^(-i / (D/4 - 1))` (big_vision's `posemb_sincos_2d`; Chen et al., "An Empirical Study of Training
  /// Self-Supervised Vision Transformers", ICCV 2021).
  var sincosTable: [Float] {
    let quarter = embedDim / 4
    let omega: [Double] = (0..<quarter).map { pow(10000, -Double($0) / Double(max(1, quarter - 1))) }
    func waves(_ place: Int) -> [Float] {
      let angles: [Double] = omega.map { Double(place) * $0 }
      return angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
    }
    var table: [Float] = []
    for y in 0..<gridSide {
      for x in 0..<gridSide { table += waves(x) + waves(y) }
    }
    return table
  }

  /// The parameters by native (timm) name, in timm's order.
  package var parameterDeclarations: [ParameterDeclaration] {
    let d = embedDim
    let inner = numHeads * headDim
    let weight = Initialization.truncatedNormal(std: 0.02)
    var declarations: [ParameterDeclaration] = []
    if classToken {
      declarations.append(ParameterDeclaration("cls_token", [1, 1, d], .truncatedNormal(std: 1e-6)))
    }
    if distillationToken { declarations.append(ParameterDeclaration("dist_token", [1, 1, d], weight)) }
    if numRegisters > 0 {
      declarations.append(
        ParameterDeclaration("reg_token", [1, numRegisters, d], .truncatedNormal(std: 1e-6)))
    }
    if positionEmbedding == .learned {
      let rows = positionedPrefix + gridSide * gridSide
      declarations.append(ParameterDeclaration("pos_embed", [1, rows, d], weight))
    }
    declarations += resnet?.parameterDeclarations(inChannels) ?? []
    declarations.append(
      ParameterDeclaration(
        "patch_embed.proj.weight", [d, resnet?.channels ?? inChannels, patchSize, patchSize], weight))
    if patchBias { declarations.append(ParameterDeclaration("patch_embed.proj.bias", [d], .zeros)) }
    if preNorm { declarations.norm("norm_pre", d) }
    for block in 0..<depth {
      let name = "blocks.\(block)."
      declarations.transformerBlock(
        name, width: d, inner: inner, hidden: mlpDim, qkvBias: qkvBias,
        projects: attentionProjection, layerScale: layerScale)
    }
    declarations.norm(normAfterPooling ? "fc_norm" : "norm", d)
    if pooling == .map { declarations.attentionPooling("attn_pool.", width: d, hidden: mlpDim) }
    if let representationSize { declarations.linear("pre_logits.fc", pooledWidth, representationSize) }
    for head in pooling == .clsAndDistillation ? ["head", "head_dist"] : ["head"] {
      declarations.classifier(head, representationSize ?? pooledWidth, classes: numClasses)
    }
    return declarations
  }
}
