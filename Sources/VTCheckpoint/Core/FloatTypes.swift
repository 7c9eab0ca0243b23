import CKernels
import VTCore

extension ElementType {
  /// Numbers of this type as float32.
  /// - Throws: `Failure` where it is not a float type.
  func floats(_ bytes: Bytes) throws -> [Float] {
    let count = bytes.count / width
    return try [Float](unsafeUninitializedCapacity: count) { out, initialized in
      try bytes.withUnsafeBytes { raw in
        let target = out.baseAddress
        switch self {
        case .f32: UnsafeMutableRawBufferPointer(out).copyMemory(from: raw)
        case .f16: vt_f32_from_f16(target, raw.baseAddress, count)
        case .bf16: vt_f32_from_bf16(target, raw.baseAddress, count)
        case .f64:
          for i in 0..<count { out[i] = Float(raw.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)) }
        default: throw Failure("a tensor of type \(rawValue) where floats belong")
        }
      }
      initialized = count
    }
  }

  /// Numbers rounded to this type, to nearest and ties to even.
  /// - Precondition: it is a float type.
  func rounded(_ values: [Float]) throws -> Bytes {
    try Bytes(count: values.count * width) { out in
      switch self {
      case .f16: vt_f16_from_f32(out.baseAddress, values, values.count)
      case .bf16: vt_bf16_from_f32(out.baseAddress, values, values.count)
      case .f64:
        for (i, value) in values.enumerated() {
          out.storeBytes(of: Double(value), toByteOffset: 8 * i, as: Double.self)
        }
      default: values.withUnsafeBytes { out.copyMemory(from: $0) }
      }
    }
  }
}
