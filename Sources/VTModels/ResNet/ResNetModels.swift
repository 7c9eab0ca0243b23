import VTCheckpoint

extension NamedModel {
  /// ResNet: He et al., CVPR 2016; parameter counts with 1,000 classes as torchvision's model table gives them.
  static let resnet: [NamedModel] = [
    resnet("resnet18", "basic", [2, 2, 2, 2], 11_689_512),
    resnet("resnet34", "basic", [3, 4, 6, 3], 21_797_672),
    resnet("resnet50", "bottleneck", [3, 4, 6, 3], 25_557_032),
    resnet("resnet101", "bottleneck", [3, 4, 23, 3], 44_549_160),
    resnet("resnet152", "bottleneck", [3, 8, 36, 3], 60_192_808),
  ]

  private static func resnet(_ name: String, _ block: String, _ depths: [Int], _ count: Int) -> NamedModel {
    NamedModel(
      name: name, architecture: "resnet", parameterCount: count,
      configuration: .object([
        "architecture": .string("resnet"), "image_size": .int(224), "in_channels": .int(3),
        "num_classes": .int(1000), "norm_eps": .number("1e-05"), "activation": .string("relu"),
        "block": .string(block), "depths": .list(depths),
        "channels": .list([64, 128, 256, 512]),
        "expansion": .int(block == "basic" ? 1 : 4), "stem_channels": .int(64),
        "stride_in_first": .bool(false), "conv_bias": .bool(false),
      ]))
  }
}
