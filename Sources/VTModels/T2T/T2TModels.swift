import VTCheckpoint

extension NamedModel {
  /// T2T-ViT: Yuan et al., ICCV 2021, tables 1, 2 and 4 (4.3, 5.9, 6.9, 21.5, 39.2 and 64.1 million). Exact counts with
  /// 1,000 classes, the fixed position table and projections included, as PyTorch counts a network's parameters.
  static let t2t: [NamedModel] = [
    t2t("t2t_vit_7", 256, 7, 4, 2, count: 4_310_222),
    t2t("t2t_vit_10", 256, 10, 4, 2, count: 5_889_230),
    t2t("t2t_vit_12", 256, 12, 4, 2, count: 6_941_902),
    t2t("t2t_vit_14", 384, 14, 6, 3, count: 21_545_550),
    t2t("t2t_vit_19", 448, 19, 7, 3, count: 39_177_422),
    t2t("t2t_vit_24", 512, 24, 8, 3, count: 64_105_934),
    t2t("t2t_vit_t_14", 384, 14, 6, 3, tokens: "transformer", count: 21_541_070),
    t2t("t2t_vit_t_19", 448, 19, 7, 3, tokens: "transformer", count: 39_172_942),
    t2t("t2t_vit_t_24", 512, 24, 8, 3, tokens: "transformer", count: 64_101_454),
    // For small images; nobody has published weights.
    t2t("t2t_vit_mini_32", 128, 6, 4, 3, mini: 32, first: 3, strides: [2, 2, 1], count: 1_266_990),
    t2t("t2t_vit_mini_64", 128, 6, 4, 3, mini: 64, strides: [4, 2, 1], count: 1_284_510),
    t2t("t2t_vit_mini_96", 128, 6, 4, 3, mini: 96, strides: [4, 2, 1], count: 1_294_750),
  ]

  private static func t2t(
    _ name: String, _ embedDim: Int, _ depth: Int, _ heads: Int, _ ratio: Int,
    tokens: String = "performer", mini size: Int? = nil, first: Int = 7, strides: [Int] = [4, 2, 2],
    count: Int
  ) -> NamedModel {
    return NamedModel(
      name: name, architecture: "t2t_vit", parameterCount: count,
      configuration: .object([
        "architecture": .string("t2t_vit"), "image_size": .int(size ?? 224), "in_channels": .int(3),
        "num_classes": .int(1000), "norm_eps": .number("1e-05"), "activation": .string("gelu"),
        "tokens_type": .string(tokens), "token_dim": .int(size == nil ? 64 : 48), "embed_dim": .int(embedDim),
        "depth": .int(depth), "num_heads": .int(heads), "mlp_ratio": .int(ratio),
        "qkv_bias": .bool(false), "soft_split_kernel": .list([first, 3, 3]),
        "soft_split_stride": .list(strides), "soft_split_padding": .list([first == 7 ? 2 : 1, 1, 1]),
        "token_mlp_ratio": .number("1.0"),
        "performer_kernel_ratio": tokens == "performer" ? .number("0.5") : .null,
      ]))
  }
}
