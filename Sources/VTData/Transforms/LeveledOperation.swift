/// timm's operations, of which RandAugment and AutoAugment choose. Each makes its argument of a level, which is 0 to 10
/// where nothing else is asked for.
enum LeveledOperation: String, CaseIterable, Sendable {
  case autoContrast = "AutoContrast"
  case equalize = "Equalize"
  case invert = "Invert"
  case rotate = "Rotate"
  case posterize = "Posterize"
  case posterizeIncreasing = "PosterizeIncreasing"
  case posterizeOriginal = "PosterizeOriginal"
  case solarize = "Solarize"
  case solarizeIncreasing = "SolarizeIncreasing"
  case solarizeAdd = "SolarizeAdd"
  case color = "Color"
  case colorIncreasing = "ColorIncreasing"
  case contrast = "Contrast"
  case contrastIncreasing = "ContrastIncreasing"
  case brightness = "Brightness"
  case brightnessIncreasing = "BrightnessIncreasing"
  case sharpness = "Sharpness"
  case sharpnessIncreasing = "SharpnessIncreasing"
  case shearX = "ShearX"
  case shearY = "ShearY"
  case translateXRel = "TranslateXRel"
  case translateYRel = "TranslateYRel"
  case desaturate = "Desaturate"
  case gaussianBlur = "GaussianBlur"
  case gaussianBlurRand = "GaussianBlurRand"

  /// - Parameters:
  ///   - uniform: a random number from 0 to 1, asked by operations that go either way, and by one of the blurs.
  ///   - translation: the part of the image's side by which level 10 moves it.
  func operation(
    level: Double, width: Int, height: Int, translation: Double = 0.45, uniform: () -> Double
  ) -> ImageOperation {
    let part = level / 10
    func signed(_ value: Double) -> Double { uniform() < 0.5 ? -value : value }
    /// From 0.1 to 1.9: the level where nothing changes lies in the middle.
    var enhancement: Double { part * 1.8 + 0.1 }
    /// The farther from 1, the higher the level.
    func increasing() -> Double { max(0.1, 1 + signed(part * 0.9)) }
    func clamped(_ low: Double, _ high: Double) -> Double {
      max(low, min(high, low + (high - low) * part))
    }
    return switch self {
    case .autoContrast: .autoContrast
    case .equalize: .equalize
    case .invert: .invert
    case .rotate: .rotate(degrees: signed(part * 30))
    case .posterize: .posterize(bits: Int(part * 4))
    case .posterizeIncreasing: .posterize(bits: 4 - Int(part * 4))
    case .posterizeOriginal: .posterize(bits: 4 + Int(part * 4))
    case .solarize: .solarize(threshold: Double(min(256, Int(part * 256))))
    case .solarizeIncreasing: .solarize(threshold: Double(256 - min(256, Int(part * 256))))
    case .solarizeAdd: .solarizeAdd(min(128, Int(part * 110)))
    case .color: .color(enhancement)
    case .colorIncreasing: .color(increasing())
    case .contrast: .contrast(enhancement)
    case .contrastIncreasing: .contrast(increasing())
    case .brightness: .brightness(enhancement)
    case .brightnessIncreasing: .brightness(increasing())
    case .sharpness: .sharpness(enhancement)
    case .sharpnessIncreasing: .sharpness(increasing())
    case .shearX: .shearX(signed(part * 0.3))
    case .shearY: .shearY(signed(part * 0.3))
    case .translateXRel: .translateX(signed(part * translation) * Double(width))
    case .translateYRel: .translateY(signed(part * translation) * Double(height))
    case .desaturate: .color(1 - clamped(0.5, 1))
    case .gaussianBlur: .gaussianBlur(clamped(0.1, 2))
    case .gaussianBlurRand: .gaussianBlur(0.1 + (2 * clamped(0, 1) - 0.1) * uniform())
    }
  }
}
