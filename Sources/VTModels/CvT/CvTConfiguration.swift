import VTCheckpoint
import VTCore
import VTTensor

/// The configuration of a Convolutional vision Transformer (Wu et al., ICCV 2021): Microsoft's with a class token in the last
/// stage, or the class-token-free one of lucidrains/vit-pytorch that the drloc reference code trains. The JSON keys
/// are those of the native store.
package struct CvTConfiguration: NetworkConfiguration, Equatable {
  package static let architecture = "cvt"
  package static var published: [NamedModel] { NamedModel.cvt }
  package static let pixelStatistics = PixelStatistics.imageNet
  package static let drlocWeight = 0.1
  package static func block(of parameter: String) -> Substring? {
    block(parameter, levels: ["stage", "blocks."])
  }

  package enum Pooling: String, Sendable, CaseIterable {
    case cls
    case mean
  }

  package enum AttentionScale: String, Sendable, CaseIterable {
    /// Of the stage's complete width, as in Microsoft's code.
    case embedDim = "embed_dim**-0.5"
    case headDim = "head_dim**-0.5"
  }

  package enum KeyValueProjection: String, Sendable, CaseIterable {
    /// Keys and values each have a convolution of their own.
    case separate
    /// One convolution and one linear layer make both.
    case shared
  }

  package struct Stage: Sendable, Equatable {
    package var patchSize: Int
    package var patchStride: Int
    package var patchPadding: Int
    package var embedDim: Int
    package var depth: Int
    package var numHeads: Int
    package var mlpRatio: Double
    package var qkvKernelSize: Int
    package var qStride: Int
    package var qPadding: Int
    package var kvStride: Int
    package var kvPadding: Int
    package var classToken: Bool
    /// Channels of a head.
    package var headDim: Int
    /// Cells along one side of the stage's map.
    package var side: Int

    package var inner: Int { numHeads * headDim }
    package var hidden: Int { Int(Double(embedDim) * mlpRatio) }
  }

  package var imageSize: Int
  package var inChannels: Int
  package var numClasses: Int
  package var normEps: Double
  package var activation: Activation
  package var stages: [Stage]
  package var qkvBias: Bool
  package var attentionScale: AttentionScale
  package var keyValueProjection: KeyValueProjection
  /// Whether layer norms divide by `sqrt(var) + eps`.
  package var normEpsOutsideSqrt: Bool
  package var finalNorm: Bool
  package var batchNormEps: Double
  package var pooling: Pooling
  private let givenHeadDim: Int?

  var last: Stage { stages[stages.count - 1] }

  package init(reading reader: inout ConfigurationReader) throws {
    (imageSize, inChannels, numClasses, normEps, activation) = reader.transformerKeys()
    let depths = reader.sizes("depths")
    let count = depths.count
    let (embed, heads) = (
      reader.sizes("embed_dim", count: count),
      reader.sizes("num_heads", count: count)
    )
    let (size, stride, padding) = (
      reader.sizes("patch_size", count: count),
      reader.sizes("patch_stride", count: count),
      reader.sizes("patch_padding", count: count, atLeast: 0)
    )
    let ratios = reader.numbers("mlp_ratio", count: count)
    let kernels = reader.sizes("qkv_kernel_size", count: count)
    let (qStride, qPadding) = (
      reader.sizes("q_stride", count: count),
      reader.sizes("q_padding", count: count, atLeast: 0)
    )
    let (kvStride, kvPadding) = (
      reader.sizes("kv_stride", count: count),
      reader.sizes("kv_padding", count: count, atLeast: 0)
    )
    let classToken = reader.flags("class_token", count: count)
    givenHeadDim = reader.optionalSize("head_dim")
    qkvBias = reader.flag("qkv_bias", default: true)
    attentionScale = reader.choice("attention_scale", AttentionScale.self, default: .embedDim)
    keyValueProjection = reader.choice("kv_projection", KeyValueProjection.self, default: .separate)
    normEpsOutsideSqrt = reader.flag("norm_eps_outside_sqrt", default: false)
    finalNorm = reader.flag("final_norm", default: true)
    batchNormEps = reader.epsilon("batch_norm_eps")
    pooling = reader.choice("pooling", Pooling.self)
    try reader.finish()
    var side = imageSize
    stages = []
    for i in 0..<count {
      guard side + 2 * padding[i] >= size[i] else {
        throw Failure("stage \(i)'s patches of \(size[i]) do not fit a map of \(side)")
      }
      side = (side + 2 * padding[i] - size[i]) / stride[i] + 1
      guard qStride[i] == 1, side + 2 * qPadding[i] - kernels[i] + 1 == side else {
        throw Failure("stage \(i): queries must keep the map's size (q_stride 1, fitting q_padding)")
      }
      guard side + 2 * kvPadding[i] >= kernels[i] else {
        throw Failure("stage \(i)'s kernels of \(kernels[i]) do not fit a map of \(side)")
      }
      guard givenHeadDim != nil || embed[i] % heads[i] == 0 else {
        throw Failure("stage \(i) is \(embed[i]) wide, no multiple of its \(heads[i]) heads")
      }
      guard ratios[i] > 0, ratios[i] <= 64 else { throw Failure("mlp_ratio \(ratios[i]) makes no sense") }
      stages.append(
        Stage(
          patchSize: size[i], patchStride: stride[i], patchPadding: padding[i], embedDim: embed[i],
          depth: depths[i], numHeads: heads[i], mlpRatio: ratios[i], qkvKernelSize: kernels[i],
          qStride: qStride[i], qPadding: qPadding[i], kvStride: kvStride[i],
          kvPadding: kvPadding[i], classToken: classToken[i],
          headDim: givenHeadDim ?? embed[i] / heads[i], side: side))
    }
    try checkGrid(side: stages[0].side)
    guard pooling == .mean || classToken[count - 1] else {
      throw Failure("pooling 'cls' needs a class token in the last stage")
    }
  }

  package var json: JSON {
    func list(_ value: (Stage) -> JSON) -> JSON { .array(stages.map(value)) }
    return .object([
      "architecture": .string(Self.architecture), "image_size": .int(imageSize),
      "in_channels": .int(inChannels), "num_classes": .int(numClasses),
      "norm_eps": .double(normEps), "activation": .string(activation.rawValue),
      "patch_size": list { .int($0.patchSize) }, "patch_stride": list { .int($0.patchStride) },
      "patch_padding": list { .int($0.patchPadding) }, "embed_dim": list { .int($0.embedDim) },
      "depths": list { .int($0.depth) }, "num_heads": list { .int($0.numHeads) },
      "mlp_ratio": list { .double($0.mlpRatio) },
      "qkv_kernel_size": list { .int($0.qkvKernelSize) }, "q_stride": list { .int($0.qStride) },
      "q_padding": list { .int($0.qPadding) }, "kv_stride": list { .int($0.kvStride) },
      "kv_padding": list { .int($0.kvPadding) }, "class_token": list { .bool($0.classToken) },
      "head_dim": givenHeadDim.map { .int($0) } ?? .null, "qkv_bias": .bool(qkvBias),
      "attention_scale": .string(attentionScale.rawValue),
      "kv_projection": .string(keyValueProjection.rawValue),
      "norm_eps_outside_sqrt": .bool(normEpsOutsideSqrt), "final_norm": .bool(finalNorm),
      "batch_norm_eps": .double(batchNormEps), "pooling": .string(pooling.rawValue),
    ])
  }

  /// Parts that have a convolution and a linear layer of their own: names and widths of the linear layer in heads.
  var projections: [(name: String, parts: Int)] {
    switch keyValueProjection {
    case .separate: [("q", 1), ("k", 1), ("v", 1)]
    case .shared: [("q", 1), ("kv", 2)]
    }
  }

  /// The parameters by native (Microsoft's) name, in Microsoft's order.
  package var parameterDeclarations: [ParameterDeclaration] {
    var declarations: [ParameterDeclaration] = []
    let weight = Initialization.truncatedNormal(std: 0.02)
    // The reference code's channel norms have four axes, so weight decay acts on them.
    let normDecays = normEpsOutsideSqrt ? true : nil
    for (index, stage) in stages.enumerated() {
      let name = "stage\(index)."
      let d = stage.embedDim
      if stage.classToken {
        declarations.append(ParameterDeclaration(name + "cls_token", [1, 1, d], weight))
      }
      let inputs = index == 0 ? inChannels : stages[index - 1].embedDim
      declarations.append(
        ParameterDeclaration(
          name + "patch_embed.proj.weight", [d, inputs, stage.patchSize, stage.patchSize], weight))
      declarations.append(ParameterDeclaration(name + "patch_embed.proj.bias", [d], .zeros))
      declarations.norm(name + "patch_embed.norm", d, decays: normDecays)
      for block in 0..<stage.depth {
        let block = "\(name)blocks.\(block)."
        declarations.norm(block + "norm1", d, decays: normDecays)
        for (part, _) in projections {
          let kernel = stage.qkvKernelSize
          declarations.append(
            ParameterDeclaration(
              "\(block)attn.conv_proj_\(part).conv.weight", [d, 1, kernel, kernel], weight))
          declarations.batchNorm("\(block)attn.conv_proj_\(part).bn", d)
        }
        for (part, count) in projections {
          declarations.linear("\(block)attn.proj_\(part)", d, count * stage.inner, bias: qkvBias)
        }
        declarations.linear(block + "attn.proj", stage.inner, d)
        declarations.norm(block + "norm2", d, decays: normDecays)
        declarations.linear(block + "mlp.fc1", d, stage.hidden)
        declarations.linear(block + "mlp.fc2", stage.hidden, d)
      }
    }
    if finalNorm { declarations.norm("norm", last.embedDim, decays: normDecays) }
    declarations.classifier("head", last.embedDim, classes: numClasses)
    return declarations
  }
}
