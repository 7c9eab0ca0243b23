import Foundation

/// torchvision's operations, of which its AutoAugment and TrivialAugment choose. Their magnitudes are numbered bins of a
/// range.
enum BinnedOperation: String, CaseIterable, Sendable {
  case identity = "Identity"
  case shearX = "ShearX"
  case shearY = "ShearY"
  case translateX = "TranslateX"
  case translateY = "TranslateY"
  case rotate = "Rotate"
  case brightness = "Brightness"
  case color = "Color"
  case contrast = "Contrast"
  case sharpness = "Sharpness"
  case posterize = "Posterize"
  case solarize = "Solarize"
  case autoContrast = "AutoContrast"
  case equalize = "Equalize"
  case invert = "Invert"

  /// What the highest bin means.
  struct Ranges: Sendable {
    let bins: Int
    let shear: Double
    /// In pixels; nil for 150 of 331 parts of the image's side.
    let translation: Double?
    let degrees: Double
    let enhancement: Double
    /// Bits that posterizing takes away.
    let bits: Int

    static let autoAugment = Ranges(
      bins: 10, shear: 0.3, translation: nil, degrees: 30, enhancement: 0.9, bits: 4)
    static let trivialAugment = Ranges(
      bins: 31, shear: 0.99, translation: 32, degrees: 135, enhancement: 0.99, bits: 6)

    /// `torch.linspace`, which computes in single precision with fused products, from both ends to the middle.
    func value(_ bin: Int, from start: Double, to end: Double) -> Double {
      let (start, end) = (Float(start), Float(end))
      let step = Double((end - start) / Float(bins - 1))
      return Double(
        bin < bins / 2
          ? Float(Double(start) + step * Double(bin)) : Float(Double(end) - step * Double(bins - 1 - bin)))
    }
  }

  /// - Parameter isNegative: asked by operations that go either way.
  func operation(
    _ ranges: Ranges, bin: Int, width: Int, height: Int, isNegative: () -> Bool
  ) -> ImageOperation {
    func signed(_ end: Double) -> Double {
      let value = ranges.value(bin, from: 0, to: end)
      return isNegative() ? -value : value
    }
    func pixels(_ side: Int) -> Double {
      // torchvision says where pixels go to, Pillow where they come from.
      -signed(ranges.translation ?? 150.0 / 331.0 * Double(side)).rounded(.towardZero)
    }
    /// By way of an angle, which rounds.
    var shear: Double { atan(signed(ranges.shear)) * (180 / Double.pi) * (Double.pi / 180) }
    return switch self {
    case .identity: .identity
    case .shearX: .shearX(tan(shear))
    case .shearY: .shearY(Self.sineByCosine(shear))
    case .translateX: .translateX(pixels(width))
    case .translateY: .translateY(pixels(height))
    case .rotate: .rotate(degrees: signed(ranges.degrees))
    case .brightness: .brightness(1 + signed(ranges.enhancement))
    case .color: .color(1 + signed(ranges.enhancement))
    case .contrast: .contrast(1 + signed(ranges.enhancement))
    case .sharpness: .sharpness(1 + signed(ranges.enhancement))
    case .posterize:
      .posterize(
        bits: 8
          - Int((Float(bin) / (Float(ranges.bins - 1) / Float(ranges.bits))).rounded(.toNearestOrEven)))
    case .solarize: .solarize(threshold: ranges.value(bin, from: 255, to: 0))
    case .autoContrast: .autoContrast
    case .equalize: .equalize
    case .invert: .invert
    }
  }

  private static func sineByCosine(_ angle: Double) -> Double { sin(angle) / cos(angle) }
}
