import CImaging

extension Image {
  /// What becomes of the 256 levels of red, of green and of blue, for operations that look at nothing else; nil for
  /// others.
  func levelTable(_ operation: ImageOperation) -> [UInt8]? {
    switch operation {
    case .invert: Self.table { 255 - $0 }
    case .posterize(let bits) where bits < 8: Self.table { $0 & (0xFF << UInt8(8 - max(0, bits))) }
    case .solarize(let threshold): Self.table { Double($0) < threshold ? $0 : 255 - $0 }
    case .solarizeAdd(let amount): Self.table { $0 < 128 ? UInt8(clamping: Int($0) + amount) : $0 }
    case .brightness(let factor): Self.table { vt_blended(0, $0, Float(factor)) }
    case .contrast(let factor): Self.contrast(factor, mean: meanLuminance)
    case .autoContrast: histograms.flatMap(Self.stretched)
    case .equalize: histograms.flatMap(Self.equalized)
    default: nil
    }
  }

  private static func table(_ level: (UInt8) -> UInt8) -> [UInt8] {
    let one = (0...255).map { level(UInt8($0)) }
    return one + one + one
  }

  private static func contrast(_ factor: Double, mean: UInt8) -> [UInt8] {
    table { vt_blended(mean, $0, Float(factor)) }
  }

  private var meanLuminance: UInt8 {
    UInt8(Double(vt_luminance_sum(pixels, width * height)) / Double(width * height) + 0.5)
  }

  /// Of each channel.
  private var histograms: [ArraySlice<Int>] {
    var counts = [UInt64](repeating: 0, count: 768)
    vt_histogram_rgb(&counts, pixels, width * height)
    return (0..<3).map { counts.map { Int($0) }[256 * $0..<256 * ($0 + 1)] }
  }

  private static func stretched(_ histogram: ArraySlice<Int>) -> [UInt8] {
    let counts = Array(histogram)
    guard let low = counts.firstIndex(where: { $0 > 0 }), let high = counts.lastIndex(where: { $0 > 0 }),
      high > low
    else { return Array(0...255) }
    let scale = 255.0 / Double(high - low)
    let offset = -Double(low) * scale
    return (0...255).map { UInt8(clamping: Int(Double($0) * scale + offset)) }
  }

  private static func equalized(_ histogram: ArraySlice<Int>) -> [UInt8] {
    let counts = Array(histogram)
    let step = (counts.reduce(0, +) - (counts.last { $0 > 0 } ?? 0)) / 255
    guard step > 0 else { return Array(0...255) }
    var sum = step / 2
    return counts.map { count in
      defer { sum += count }
      return UInt8(clamping: sum / step)
    }
  }
}
