import VTCheckpoint
import VTCore

extension NamedModel {
  /// ViT: Dosovitskiy et al., ICLR 2021, and Steiner et al., 2021 (tiny, small); DeiT: Touvron et al.,
  /// ICML 2021. Parameter counts with 1,000 classes, as timm's model tables give them.
  static let vit: [NamedModel] = [
    vit("vit_tiny_patch16_224", 192, 12, 3, patch: 16, size: 224, count: 5_717_416),
    vit("vit_tiny_patch16_384", 192, 12, 3, patch: 16, size: 384, count: 5_790_376),
    vit("vit_small_patch16_224", 384, 12, 6, patch: 16, size: 224, count: 22_050_664),
    vit("vit_small_patch16_384", 384, 12, 6, patch: 16, size: 384, count: 22_196_584),
    vit("vit_small_patch32_224", 384, 12, 6, patch: 32, size: 224, count: 22_878_952),
    vit("vit_small_patch32_384", 384, 12, 6, patch: 32, size: 384, count: 22_915_432),
    vit("vit_base_patch16_224", 768, 12, 12, patch: 16, size: 224, count: 86_567_656),
    vit("vit_base_patch16_384", 768, 12, 12, patch: 16, size: 384, count: 86_859_496),
    vit("vit_base_patch32_224", 768, 12, 12, patch: 32, size: 224, count: 88_224_232),
    vit("vit_base_patch32_384", 768, 12, 12, patch: 32, size: 384, count: 88_297_192),
    vit("vit_large_patch16_224", 1024, 24, 16, patch: 16, size: 224, count: 304_326_632),
    vit("vit_large_patch16_384", 1024, 24, 16, patch: 16, size: 384, count: 304_715_752),
    vit("vit_large_patch32_224", 1024, 24, 16, patch: 32, size: 224, count: 306_535_400),
    vit("vit_large_patch32_384", 1024, 24, 16, patch: 32, size: 384, count: 306_632_680),
    vit("deit_tiny_patch16_224", 192, 12, 3, patch: 16, size: 224, count: 5_717_416),
    vit("deit_small_patch16_224", 384, 12, 6, patch: 16, size: 224, count: 22_050_664),
    vit("deit_base_patch16_224", 768, 12, 12, patch: 16, size: 224, count: 86_567_656),
    vit("deit_base_patch16_384", 768, 12, 12, patch: 16, size: 384, count: 86_859_496),
    vit(
      "deit_tiny_distilled_patch16_224", 192, 12, 3, patch: 16, size: 224, distilled: true,
      count: 5_910_800),
    vit(
      "deit_small_distilled_patch16_224", 384, 12, 6, patch: 16, size: 224, distilled: true,
      count: 22_436_432),
    vit(
      "deit_base_distilled_patch16_224", 768, 12, 12, patch: 16, size: 224, distilled: true,
      count: 87_338_192),
    vit(
      "deit_base_distilled_patch16_384", 768, 12, 12, patch: 16, size: 384, distilled: true,
      count: 87_630_032),
    // DeiT III (Touvron et al., ECCV 2022) and DINOv2 (Oquab et al., TMLR 2024), with layer scales.
    vit("deit3_small_patch16_224", 384, 12, 6, patch: 16, size: 224, .deit3, count: 22_059_496),
    vit("deit3_small_patch16_384", 384, 12, 6, patch: 16, size: 384, .deit3, count: 22_205_416),
    vit("deit3_medium_patch16_224", 512, 12, 8, patch: 16, size: 224, .deit3, count: 38_849_512),
    vit("deit3_base_patch16_224", 768, 12, 12, patch: 16, size: 224, .deit3, count: 86_585_320),
    vit("deit3_base_patch16_384", 768, 12, 12, patch: 16, size: 384, .deit3, count: 86_877_160),
    vit("deit3_large_patch16_224", 1024, 24, 16, patch: 16, size: 224, .deit3, count: 304_374_760),
    vit("deit3_large_patch16_384", 1024, 24, 16, patch: 16, size: 384, .deit3, count: 304_763_880),
    vit("vit_small_patch14_dinov2", 384, 12, 6, patch: 14, size: 518, .dinov2, count: 22_441_192),
    vit("vit_base_patch14_dinov2", 768, 12, 12, patch: 14, size: 518, .dinov2, count: 87_348_712),
    vit("vit_large_patch14_dinov2", 1024, 24, 16, patch: 14, size: 518, .dinov2, count: 305_392_616),
    vit("vit_small_patch14_reg4_dinov2", 384, 12, 6, patch: 14, size: 518, .registers, count: 22_442_344),
    vit("vit_base_patch14_reg4_dinov2", 768, 12, 12, patch: 14, size: 518, .registers, count: 87_351_016),
    vit("vit_large_patch14_reg4_dinov2", 1024, 24, 16, patch: 14, size: 518, .registers, count: 305_395_688),
    // CLIP's image towers (Radford et al., ICML 2021; with GELU, as LAION trained them).
    vit("vit_base_patch32_clip_224", 768, 12, 12, patch: 32, size: 224, .clip, count: 88_225_000),
    vit("vit_base_patch16_clip_224", 768, 12, 12, patch: 16, size: 224, .clip, count: 86_568_424),
    vit("vit_large_patch14_clip_224", 1024, 24, 16, patch: 14, size: 224, .clip, count: 304_204_776),
    vit("vit_large_patch14_clip_336", 1024, 24, 16, patch: 14, size: 336, .clip, count: 304_532_456),
    // With a ResNet in front of the patches.
    vit(
      "vit_small_r26_s32_224", 384, 12, 6, patch: 1, size: 224, resnet: [2, 2, 2, 2], count: 36_431_912),
    vit("vit_base_r50_s16_224", 768, 12, 12, patch: 1, size: 224, resnet: [3, 4, 9], count: 98_659_112),
    vit("vit_base_r50_s16_384", 768, 12, 12, patch: 1, size: 384, resnet: [3, 4, 9], count: 98_950_952),
    vit(
      "vit_large_r50_s32_224", 1024, 24, 16, patch: 1, size: 224, resnet: [3, 4, 6, 3], count: 328_994_856),
    // For small images; nobody has published weights.
    vit("vit_mini_patch4_32", 128, 6, 4, patch: 4, size: 32, count: 1_333_608),
    vit("vit_mini_patch8_64", 128, 6, 4, patch: 8, size: 64, count: 1_352_040),
    vit("vit_mini_patch12_96", 128, 6, 4, patch: 12, size: 96, count: 1_382_760),
  ]

  private enum Kind {
    case original, deit3, dinov2, registers, clip
  }

  private static func vit(
    _ name: String, _ embedDim: Int, _ depth: Int, _ heads: Int, patch: Int, size: Int,
    _ kind: Kind = .original, distilled: Bool = false, resnet: [Int]? = nil, count: Int
  ) -> NamedModel {
    let usual: JSON = .object([
      "architecture": .string("vit"), "image_size": .int(size), "in_channels": .int(3),
      "num_classes": .int(1000), "norm_eps": .number(kind == .clip ? "1e-05" : "1e-06"),
      "activation": .string("gelu"),
      "patch_size": .int(patch), "embed_dim": .int(embedDim), "depth": .int(depth),
      "num_heads": .int(heads), "head_dim": .int(embedDim / heads),
      "mlp_dim": .int(4 * embedDim), "qkv_bias": .bool(true), "class_token": .bool(true),
      "distillation_token": .bool(distilled),
      "pooling": .string(distilled ? "cls_and_distillation" : "cls"),
      "position_embedding": .string("learned"),
      // timm folds the class token's position into the token where it has registers.
      "position_embedding_covers_class_token": .bool(kind != .deit3 && kind != .registers),
      "representation_size": .null, "layer_scale": .bool([.deit3, .dinov2, .registers].contains(kind)),
      "pre_norm": .bool(kind == .clip), "patch_bias": .bool(kind != .clip),
      "num_registers": .int(kind == .registers ? 4 : 0),
    ])
    return NamedModel(
      name: name, architecture: "vit", parameterCount: count,
      configuration: .object(
        (usual.members ?? []) + (resnet.map { [JSON.Member(key: "resnet_depths", value: .list($0))] } ?? [])))
  }
}
