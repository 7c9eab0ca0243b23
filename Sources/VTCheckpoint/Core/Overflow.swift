import VTCore

/// A finite number that a narrower type cannot hold: rounding would make it infinite.
struct Overflow {
  /// The number's place among those that were rounded.
  let index: Int
  let value: Double

  /// - Parameters:
  ///   - start: the place of the first number rounded, in the tensor's row-major order.
  func failure(name: String, shape: [Int], start: Int, target: ElementType) -> Failure {
    var place: [Int] = []
    var rest = start + index
    for length in shape.reversed() {
      place.insert(rest % max(1, length), at: 0)
      rest /= max(1, length)
    }
    return Failure(
      .usage,
      "the number \(Float(value)) at \(place) would become infinite as \(target.rawValue), whose largest is \(target.largest)",
      tensor: name,
      hint: target == .f16
        ? "take bf16, which has the range of f32, or f32" : "take f32, or leave the type as it is")
  }
}

extension ElementType {
  /// The largest finite number of a float type.
  var largest: String {
    switch self {
    case .f16: "65504"
    case .bf16: "3.3895314e+38"
    default: "\(Float.greatestFiniteMagnitude)"
    }
  }

  /// The first number that was finite and is infinite after rounding.
  /// - Parameters:
  ///   - rounded: numbers of this type.
  ///   - bytes: the same numbers before, of type `source`.
  func firstOverflow(in rounded: Bytes, of source: ElementType, _ bytes: Bytes) -> Overflow? {
    rounded.withUnsafeBytes { out in
      bytes.withUnsafeBytes { raw in
        func value(_ index: Int) -> Double {
          switch source {
          case .f64: raw.loadUnaligned(fromByteOffset: 8 * index, as: Double.self)
          case .f32: Double(raw.loadUnaligned(fromByteOffset: 4 * index, as: Float.self))
          case .bf16:
            Double(
              Float(
                bitPattern: UInt32(raw.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16))
          // Half precision fits into all others.
          default: 0
          }
        }
        func first<Bits: FixedWidthInteger & BitwiseCopyable>(_ infinity: Bits) -> Overflow? {
          let width = MemoryLayout<Bits>.size
          for index in 0..<out.count / width
          where out.loadUnaligned(fromByteOffset: width * index, as: Bits.self) & Bits.max >> 1 == infinity {
            let value = value(index)
            if value.isFinite { return Overflow(index: index, value: value) }
          }
          return nil
        }
        switch self {
        case .f16: return first(UInt16(0x7C00))
        case .bf16: return first(UInt16(0x7F80))
        case .f32: return source == .f64 ? first(UInt32(0x7F80_0000)) : nil
        default: return nil
        }
      }
    }
  }
}
