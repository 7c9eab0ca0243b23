import Testing
import VTCore

@testable import VTModels
@testable import VTTensor

/// What networks say of themselves.
struct RegistryTests {
  private static func named(_ name: String) throws -> JSON { try Models.named(name).configuration }

  @Test(arguments: [
    ("vit_tiny_patch16_224", ["head"]), ("deit_tiny_distilled_patch16_224", ["head", "head_dist"]),
    ("swin_tiny_patch4_window7_224", ["head"]), ("cvt_13_224", ["head"]), ("t2t_vit_7", ["head"]),
    ("resnet18", ["fc"]),
  ])
  func theClassifierIsKnownByItsDeclaration(_ name: String, _ layers: [String]) throws {
    let expected = layers.flatMap { [$0 + ".weight", $0 + ".bias"] }
    #expect(try Models.headParameters(Self.named(name)) == Set(expected))
    let without = try Self.named(name).replacing(["num_classes": .int(0)])
    #expect(try Models.headParameters(without).isEmpty)
  }

  /// Names and depths of a few parameters of each network.
  @Test(arguments: [
    (
      "vit_tiny_patch16_224",
      [
        "cls_token": 0, "pos_embed": 0, "patch_embed.proj.weight": 0, "blocks.0.norm1.weight": 1,
        "blocks.11.mlp.fc2.bias": 12, "norm.weight": 12, "head.weight": 13,
      ]
    ),
    (
      "swin_tiny_patch4_window7_224",
      [
        "patch_embed.norm.bias": 0, "layers.0.blocks.1.norm1.weight": 2,
        "layers.0.downsample.reduction.weight": 3,
        "layers.1.blocks.0.attn.relative_position_bias_table": 3, "layers.3.blocks.1.mlp.fc1.weight": 12,
        "norm.bias": 12, "head.bias": 13,
      ]
    ),
    (
      "cvt_13_224",
      [
        "stage0.patch_embed.proj.weight": 0, "stage0.blocks.0.norm1.weight": 1,
        "stage1.patch_embed.norm.weight": 2,
        "stage1.blocks.0.attn.proj_q.weight": 2, "stage2.cls_token": 4, "stage2.blocks.9.mlp.fc2.weight": 13,
        "head.weight": 14,
      ]
    ),
    (
      "t2t_vit_7",
      [
        "tokens_to_token.attention1.kqv.weight": 0, "tokens_to_token.project.bias": 0,
        "blocks.6.norm2.bias": 7,
        "norm.weight": 7, "head.weight": 8,
      ]
    ),
    (
      "resnet18",
      [
        "conv1.weight": 0, "bn1.weight": 0, "layer1.1.conv2.weight": 2, "layer2.0.downsample.0.weight": 3,
        "layer4.1.bn2.running_var": 8, "fc.bias": 9,
      ]
    ),
  ])
  func depthsCountBlocks(_ name: String, _ expected: [String: Int]) throws {
    let configuration = try Self.named(name)
    let depths = try Models.parameterDepths(configuration)
    let declarations = try Models.parameterDeclarations(configuration)
    #expect(Set(depths.keys) == Set(declarations.map(\.name)))
    for (parameter, depth) in expected { #expect(depths[parameter] == depth, "\(parameter)") }
    // Every depth is some parameter's, and they rise in the order of declaration.
    let most = try #require(depths.values.max())
    #expect(Set(depths.values) == Set(0...most))
    let order = declarations.compactMap { depths[$0.name] }
    #expect(order == order.sorted())
  }

  @Test func statisticsAndWeightsAreTheNetworksOwn() throws {
    #expect(try Models.pixelStatistics("vit") == .half)
    for architecture in Models.architectures where architecture != "vit" {
      #expect(try Models.pixelStatistics(architecture) == .imageNet)
    }
    #expect(throws: Failure.self) { try Models.pixelStatistics("vgg") }
    #expect(SwinConfiguration.drlocWeight == 0.5 && ViTConfiguration.drlocWeight == 1)
    #expect(Set(Models.all.map(\.architecture)) == Set(Models.architectures))
  }
}
