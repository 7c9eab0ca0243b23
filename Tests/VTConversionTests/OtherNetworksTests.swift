import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// Files of networks that VTKit does not have say so, by names that the libraries write.
struct OtherNetworksTests {
  static func failure(_ tensors: [(String, [Int])]) throws -> Failure? {
    let store = try StateDict(
      tensors.map { name, shape in
        StoredTensor(name: name, type: .f32, shape: shape) { throw Failure("no numbers are needed") }
      })
    do {
      _ = try LoadedCheckpoint.load(store, LoadOptions(), path: nil)
      return nil
    } catch let failure as Failure {
      return failure
    }
  }

  @Test(arguments: [
    (["stages.0.blocks.0.conv_dw.weight", "stages.0.blocks.0.gamma", "stem.0.weight"], "ConvNeXt"),
    (["convnext.encoder.stages.0.layers.0.dwconv.weight"], "ConvNeXt"),
    (["features.1.0.layer_scale", "features.1.0.block.0.weight"], "ConvNeXt"),
    (["stages.0.blocks.0.mlp.grn.weight", "stages.0.blocks.0.conv_dw.weight"], "ConvNeXt V2"),
    (
      [
        "blocks.0.attn.q_bias", "blocks.0.attn.relative_position_bias_table", "patch_embed.proj.weight",
        "cls_token",
      ],
      "BEiT"
    ),
    (["beit.encoder.layer.0.lambda_1", "beit.encoder.layer.0.attention.attention.query.weight"], "BEiT"),
    (["blocks.0.attn.q_bias", "blocks.0.attn.v_bias", "pos_embed", "patch_embed.proj.weight"], "EVA"),
    (
      ["layers.0.blocks.0.attn.logit_scale", "layers.0.blocks.0.attn.qkv.weight", "patch_embed.proj.weight"],
      "Swin V2"
    ),
    (["swinv2.encoder.layers.0.blocks.0.attention.self.logit_scale"], "Swin V2"),
    (
      [
        "blocks_token_only.0.attn.q.weight", "pos_embed", "blocks.0.attn.qkv.weight",
        "patch_embed.proj.weight",
      ], "CaiT"
    ),
    (["cls_attn_blocks.0.attn.q.weight", "blocks.0.attn.qkv.weight"], "XCiT"),
    (["conv_stem.weight", "blocks.0.0.conv_pw.weight"], "EfficientNet"),
    (["block1a_dwconv/block1a_dwconv/depthwise_kernel:0"], "EfficientNet"),
    (["stages.2.1.conv_kxk.conv.weight", "stages.2.1.transformer.0.attn.qkv.weight"], "MobileViT"),
    (["conv1.0.weight", "layer1.0.conv1.weight", "fc.weight"], "ResNet-D"),
    (
      ["layer1.0.se.fc1.weight", "conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.weight"],
      "SE-ResNet"
    ),
    (["blocks.0.attn.rel_pos.mlp.fc1.weight", "blocks.0.attn.qkv.weight"], "relative positions"),
    (["blocks.0.mlp_tokens.fc1.weight", "stem.proj.weight"], "MLP-Mixer"),
    (["features.denseblock1.denselayer1.conv1.weight"], "DenseNet"),
    (["block1_conv1/kernel", "block5_conv1/kernel"], "VGG"),
    (["bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.attention.self.query.weight"], "BERT"),
    (["transformer.h.0.attn.c_attn.weight", "transformer.wte.weight"], "GPT-2"),
    (["stage2.0.branch2.0.weight", "conv5.0.weight", "conv1.0.weight", "fc.weight"], "ShuffleNet"),
    (
      ["embeddings.patch_embedding.weight", "encoder.layers.0.self_attn.q_proj.weight", "head.probe"],
      "SigLIP"
    ),
    (
      [
        "ijepa.embeddings.position_embeddings", "ijepa.encoder.layer.0.attention.attention.query.weight",
        "ijepa.embeddings.patch_embeddings.projection.weight",
      ], "I-JEPA"
    ),
    (
      [
        "bn_Conv1/bn_Conv1/gamma:0", "Conv_1_bn/Conv_1_bn/gamma:0",
        "expanded_conv_depthwise/expanded_conv_depthwise/kernel:0",
      ],
      "MobileNet V2"
    ),
    (
      [
        "mobilenetv2_1.00_224/bn_Conv1/gamma:0", "mobilenetv2_1.00_224/Conv_1_bn/gamma:0",
        "mobilenetv2_1.00_224/expanded_conv_depthwise/kernel:0",
      ],
      "MobileNet V2"
    ),
    (["layers.8.0.layers.0.weight", "layers.0.weight"], "MNASNet"),
    (["neck.reassemble_stage.layers.0.projection.weight", "backbone.embeddings.cls_token"], "DPT"),
    (["model.stages.0.blocks.0.conv_dw.weight", "model.stages.0.blocks.0.gamma"], "ConvNeXt"),
  ])
  func namesTellTheNetwork(_ names: [String], _ network: String) throws {
    let failure = try #require(try Self.failure(names.map { ($0, [4, 4]) }))
    #expect(
      failure.problem.hasPrefix("this looks like ") && failure.problem.contains(network), "\(failure.problem)"
    )
    #expect(failure.problem.contains("VTKit supports ViT, Swin, CvT, T2T-ViT and ResNet"))
    // No advice that leads nowhere.
    #expect(failure.hint == nil)
  }

  /// A dialect's names, shapes of another network.
  @Test func groupedConvolutionsAreAResNeXt() throws {
    let resnet = try DialectTests.load("resnet_timm_safetensors").1
    let failure = try Self.failure(
      resnet.tensors.map { tensor in
        guard tensor.name.hasSuffix(".conv2.weight") else { return (tensor.name, tensor.shape) }
        return (tensor.name, [tensor.shape[0], tensor.shape[1] / 4] + tensor.shape[2...])
      })
    #expect(failure?.problem.contains("this looks like ResNeXt") == true, "\(failure?.problem ?? "")")
  }

  /// Older timm keeps the blur's kernel.
  @Test func aBlurIsSeenByItsKernel() throws {
    let resnet = try DialectTests.load("resnet_timm_safetensors").1
    let failure = try Self.failure(
      resnet.tensors.map { ($0.name, $0.shape) } + [("layer2.0.aa.filt", [32, 1, 3, 3])])
    #expect(failure?.problem.contains("an anti-aliased ResNet") == true, "\(failure?.problem ?? "")")
  }

  /// What an error proposes can be done: of a dialect that several architectures have, the architecture is named.
  @Test func aProposedDialectIsFound() throws {
    let tensors = try DialectTests.load("vit_hf_safetensors").1.tensors
      .filter { !$0.name.contains("projection") }.map { ($0.name, $0.shape) }
    let failure = try #require(try Self.failure(tensors))
    #expect(
      failure.hint == "--from huggingface --architecture vit lists what is missing and what is unexpected",
      "\(failure)")
    let options = LoadOptions(architecture: "vit", dialect: "huggingface")
    let store = try StateDict(
      tensors.map {
        StoredTensor(name: $0.0, type: .f32, shape: $0.1) { throw Failure("no numbers are needed") }
      })
    let listed = #expect(throws: Failure.self) { try LoadedCheckpoint.load(store, options, path: nil) }
    #expect(listed?.problem.contains("missing (2)") == true, "\(String(describing: listed))")
  }

  @Test func whatNobodyKnowsIsCalledThat() throws {
    let failure = try #require(try Self.failure([("a.weight", [2, 2])]))
    #expect(failure.problem.contains("no known dialect") && failure.hint?.contains("--raw") == false)
  }

  /// Of every network that VTKit has, nothing else is said.
  @Test(arguments: DialectTests.cases)
  func ownNetworksAreNotTakenForOthers(_ name: String) throws {
    let store = try CheckpointFile.open(ReferenceCase(name).checkpointPath())
    for candidate in try KeyPrefix.candidates(store) {
      #expect(try OtherNetworks.builtIn.get().name(of: candidate.store) == nil)
    }
  }
}
