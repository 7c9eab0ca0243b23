extension AutoAugment {
  /// The pairs of a policy; nil where there is no such policy.
  static func pairs(_ name: String) -> [[Step]]? {
    switch name {
    case "original": parsed(original)
    case "originalr": parsed(original.replacing("PosterizeOriginal", with: "PosterizeIncreasing"))
    case "v0": parsed(v0)
    case "v0r": parsed(v0.replacing("Posterize", with: "PosterizeIncreasing"))
    case "3a": parsed("Solarize 1.0 5\nDesaturate 1.0 10\nGaussianBlurRand 1.0 10")
    // The paper's, with torchvision's operations: what has no magnitude there ignores it.
    case "imagenet": parsed(original.replacing("PosterizeOriginal", with: "Posterize"))
    case "cifar10": parsed(cifar10)
    case "svhn": parsed(svhn)
    default: nil
    }
  }

  /// A pair a line; of each operation its name, probability and magnitude.
  private static func parsed(_ text: String) -> [[Step]] {
    text.split(separator: "\n").map { line in
      line.split(separator: ",").map { step in
        let words = step.split(separator: " ")
        return Step(
          operation: String(words[0]), probability: Double(words[1])!, magnitude: Int(words[2]))
      }
    }
  }

  /// For ImageNet, from the paper.
  private static let original = """
    PosterizeOriginal 0.4 8, Rotate 0.6 9
    Solarize 0.6 5, AutoContrast 0.6 5
    Equalize 0.8 8, Equalize 0.6 3
    PosterizeOriginal 0.6 7, PosterizeOriginal 0.6 6
    Equalize 0.4 7, Solarize 0.2 4
    Equalize 0.4 4, Rotate 0.8 8
    Solarize 0.6 3, Equalize 0.6 7
    PosterizeOriginal 0.8 5, Equalize 1.0 2
    Rotate 0.2 3, Solarize 0.6 8
    Equalize 0.6 8, PosterizeOriginal 0.4 6
    Rotate 0.8 8, Color 0.4 0
    Rotate 0.4 9, Equalize 0.6 2
    Equalize 0.0 7, Equalize 0.8 8
    Invert 0.6 4, Equalize 1.0 8
    Color 0.6 4, Contrast 1.0 8
    Rotate 0.8 8, Color 1.0 2
    Color 0.8 8, Solarize 0.8 7
    Sharpness 0.4 7, Invert 0.6 8
    ShearX 0.6 5, Equalize 1.0 9
    Color 0.4 0, Equalize 0.6 3
    Equalize 0.4 7, Solarize 0.2 4
    Solarize 0.6 5, AutoContrast 0.6 5
    Invert 0.6 4, Equalize 1.0 8
    Color 0.6 4, Contrast 1.0 8
    Equalize 0.8 8, Equalize 0.6 3
    """

  /// For ImageNet, from the code of EfficientNet for TPUs.
  private static let v0 = """
    Equalize 0.8 1, ShearY 0.8 4
    Color 0.4 9, Equalize 0.6 3
    Color 0.4 1, Rotate 0.6 8
    Solarize 0.8 3, Equalize 0.4 7
    Solarize 0.4 2, Solarize 0.6 2
    Color 0.2 0, Equalize 0.8 8
    Equalize 0.4 8, SolarizeAdd 0.8 3
    ShearX 0.2 9, Rotate 0.6 8
    Color 0.6 1, Equalize 1.0 2
    Invert 0.4 9, Rotate 0.6 0
    Equalize 1.0 9, ShearY 0.6 3
    Color 0.4 7, Equalize 0.6 0
    Posterize 0.4 6, AutoContrast 0.4 7
    Solarize 0.6 8, Color 0.6 9
    Solarize 0.2 4, Rotate 0.8 9
    Rotate 1.0 7, TranslateYRel 0.8 9
    ShearX 0.0 0, Solarize 0.8 4
    ShearY 0.8 0, Color 0.6 4
    Color 1.0 0, Rotate 0.6 2
    Equalize 0.8 4, Equalize 0.0 8
    Equalize 1.0 4, AutoContrast 0.6 2
    ShearY 0.4 7, SolarizeAdd 0.6 7
    Posterize 0.8 2, Solarize 0.6 10
    Solarize 0.6 8, Equalize 0.6 1
    Color 0.8 6, Rotate 0.4 5
    """

  /// For CIFAR-10, from the paper.
  private static let cifar10 = """
    Invert 0.1 -, Contrast 0.2 6
    Rotate 0.7 2, TranslateX 0.3 9
    Sharpness 0.8 1, Sharpness 0.9 3
    ShearY 0.5 8, TranslateY 0.7 9
    AutoContrast 0.5 -, Equalize 0.9 -
    ShearY 0.2 7, Posterize 0.3 7
    Color 0.4 3, Brightness 0.6 7
    Sharpness 0.3 9, Brightness 0.7 9
    Equalize 0.6 -, Equalize 0.5 -
    Contrast 0.6 7, Sharpness 0.6 5
    Color 0.7 7, TranslateX 0.5 8
    Equalize 0.3 -, AutoContrast 0.4 -
    TranslateY 0.4 3, Sharpness 0.2 6
    Brightness 0.9 6, Color 0.2 8
    Solarize 0.5 2, Invert 0.0 -
    Equalize 0.2 -, AutoContrast 0.6 -
    Equalize 0.2 -, Equalize 0.6 -
    Color 0.9 9, Equalize 0.6 -
    AutoContrast 0.8 -, Solarize 0.2 8
    Brightness 0.1 3, Color 0.7 0
    Solarize 0.4 5, AutoContrast 0.9 -
    TranslateY 0.9 9, TranslateY 0.7 9
    AutoContrast 0.9 -, Solarize 0.8 3
    Equalize 0.8 -, Invert 0.1 -
    TranslateY 0.7 9, AutoContrast 0.9 -
    """

  /// For SVHN, from the paper.
  private static let svhn = """
    ShearX 0.9 4, Invert 0.2 -
    ShearY 0.9 8, Invert 0.7 -
    Equalize 0.6 -, Solarize 0.6 6
    Invert 0.9 -, Equalize 0.6 -
    Equalize 0.6 -, Rotate 0.9 3
    ShearX 0.9 4, AutoContrast 0.8 -
    ShearY 0.9 8, Invert 0.4 -
    ShearY 0.9 5, Solarize 0.2 6
    Invert 0.9 -, AutoContrast 0.8 -
    Equalize 0.6 -, Rotate 0.9 3
    ShearX 0.9 4, Solarize 0.3 3
    ShearY 0.8 8, Invert 0.7 -
    Equalize 0.9 -, TranslateY 0.6 6
    Invert 0.9 -, Equalize 0.6 -
    Contrast 0.3 3, Rotate 0.8 4
    Invert 0.8 -, TranslateY 0.0 2
    ShearY 0.7 6, Solarize 0.4 8
    Invert 0.6 -, Rotate 0.8 4
    ShearY 0.3 7, TranslateX 0.9 3
    ShearX 0.1 6, Invert 0.6 -
    Solarize 0.7 2, TranslateY 0.6 7
    ShearY 0.8 4, Invert 0.8 -
    ShearX 0.7 9, TranslateY 0.8 3
    ShearY 0.8 5, AutoContrast 0.7 -
    ShearX 0.7 2, Invert 0.1 -
    """
}
