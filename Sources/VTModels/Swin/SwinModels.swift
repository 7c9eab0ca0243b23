import VTCheckpoint

extension NamedModel {
  /// Swin: Liu et al., ICCV 2021, tables 1 and 7. Parameter counts with 1,000 classes as timm's and torchvision's
  /// model tables give them.
  static let swin: [NamedModel] = [
    swin("swin_tiny_patch4_window7_224", 96, [2, 2, 6, 2], [3, 6, 12, 24], 7, 224, 28_288_354),
    swin("swin_small_patch4_window7_224", 96, [2, 2, 18, 2], [3, 6, 12, 24], 7, 224, 49_606_258),
    swin("swin_base_patch4_window7_224", 128, [2, 2, 18, 2], [4, 8, 16, 32], 7, 224, 87_768_224),
    swin("swin_base_patch4_window12_384", 128, [2, 2, 18, 2], [4, 8, 16, 32], 12, 384, 87_903_584),
    swin("swin_large_patch4_window7_224", 192, [2, 2, 18, 2], [6, 12, 24, 48], 7, 224, 196_532_476),
    swin("swin_large_patch4_window12_384", 192, [2, 2, 18, 2], [6, 12, 24, 48], 12, 384, 196_735_516),
    // For small images; nobody has published weights.
    swin("swin_mini_patch2_window4_32", 48, [2, 4, 2], [2, 4, 8], 4, 32, patch: 2, 1_682_812),
    swin("swin_mini_patch4_window4_64", 48, [2, 4, 2], [2, 4, 8], 4, 64, 1_684_540),
    swin("swin_mini_patch4_window6_96", 48, [2, 4, 2], [2, 4, 8], 6, 96, 1_687_132),
  ]

  private static func swin(
    _ name: String, _ embedDim: Int, _ depths: [Int], _ heads: [Int], _ window: Int, _ size: Int,
    patch: Int = 4, _ count: Int
  ) -> NamedModel {
    NamedModel(
      name: name, architecture: "swin", parameterCount: count,
      configuration: .object([
        "architecture": .string("swin"), "image_size": .int(size), "in_channels": .int(3),
        "num_classes": .int(1000), "norm_eps": .number("1e-05"), "activation": .string("gelu"),
        "patch_size": .int(patch), "embed_dim": .int(embedDim), "depths": .list(depths),
        "num_heads": .list(heads), "window_size": .int(window),
        "mlp_ratio": .number("4.0"), "qkv_bias": .bool(true), "patch_norm": .bool(true),
        "absolute_position_embedding": .bool(false), "relative_position_bias": .bool(true),
        "window_padding": .string("pad_then_roll"),
      ]))
  }
}
