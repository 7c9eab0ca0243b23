import VTCheckpoint

extension NamedModel {
  /// CvT: Wu et al., ICCV 2021, tables 2 and 3 (20.0, 31.5 and 277 million). Exact counts with 1,000 classes are those
  /// of transformers' networks.
  static let cvt: [NamedModel] = [
    cvt("cvt_13_224", [64, 192, 384], [1, 2, 10], [1, 3, 6], 224, 19_997_480),
    cvt("cvt_13_384", [64, 192, 384], [1, 2, 10], [1, 3, 6], 384, 19_997_480),
    cvt("cvt_21_224", [64, 192, 384], [1, 4, 16], [1, 3, 6], 224, 31_622_696),
    cvt("cvt_21_384", [64, 192, 384], [1, 4, 16], [1, 3, 6], 384, 31_622_696),
    cvt("cvt_w24_384", [192, 768, 1024], [2, 2, 20], [3, 12, 16], 384, 277_196_392),
    // For small images; nobody has published weights.
    cvt("cvt_mini_32", [48, 96, 160], [1, 2, 4], [1, 2, 4], 32, first: 3, strides: [2, 2, 1], 1_861_512),
    cvt("cvt_mini_64", [48, 96, 160], [1, 2, 4], [1, 2, 4], 64, strides: [4, 2, 1], 1_867_272),
    cvt("cvt_mini_96", [48, 96, 160], [1, 2, 4], [1, 2, 4], 96, strides: [4, 2, 1], 1_867_272),
  ]

  private static func cvt(
    _ name: String, _ embedDim: [Int], _ depths: [Int], _ heads: [Int], _ size: Int,
    first: Int = 7, strides: [Int] = [4, 2, 2], _ count: Int
  ) -> NamedModel {
    return NamedModel(
      name: name, architecture: "cvt", parameterCount: count,
      configuration: .object([
        "architecture": .string("cvt"), "image_size": .int(size), "in_channels": .int(3),
        "num_classes": .int(1000), "norm_eps": .number("1e-05"), "activation": .string("quick_gelu"),
        "patch_size": .list([first, 3, 3]), "patch_stride": .list(strides),
        "patch_padding": .list([first == 7 ? 2 : 1, 1, 1]), "embed_dim": .list(embedDim),
        "depths": .list(depths),
        "num_heads": .list(heads), "mlp_ratio": .list([4, 4, 4]), "qkv_kernel_size": .list([3, 3, 3]),
        "q_stride": .list([1, 1, 1]), "q_padding": .list([1, 1, 1]), "kv_stride": .list([2, 2, 2]),
        "kv_padding": .list([1, 1, 1]), "class_token": .array([.bool(false), .bool(false), .bool(true)]),
        "head_dim": .null, "qkv_bias": .bool(true), "attention_scale": .string("embed_dim**-0.5"),
        "kv_projection": .string("separate"), "norm_eps_outside_sqrt": .bool(false),
        "final_norm": .bool(true), "batch_norm_eps": .number("1e-05"), "pooling": .string("cls"),
      ]))
  }
}
