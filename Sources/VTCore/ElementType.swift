/// What one number of a stored tensor is.
package enum ElementType: String, Sendable, CaseIterable {
  case bool
  case u8, i8, u16, i16, u32, i32, u64, i64
  case f16, bf16, f32, f64
  /// Eight-bit floats as safetensors stores them; moved, never computed with.
  case f8e4m3 = "f8_e4m3"
  case f8e5m2 = "f8_e5m2"
  case c64, c128

  /// Bytes of one number.
  package var width: Int {
    switch self {
    case .bool, .u8, .i8, .f8e4m3, .f8e5m2: 1
    case .u16, .i16, .f16, .bf16: 2
    case .u32, .i32, .f32: 4
    case .u64, .i64, .f64, .c64: 8
    case .c128: 16
    }
  }

  /// Whether weights may be of this type and are converted to float32 for computing.
  package var isFloat: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    default: false
    }
  }
}

/// Number of bytes of a tensor, or nil where the product overflows or an axis is negative.
package func checkedByteCount(shape: [Int], type: ElementType) -> Int? {
  var total = type.width
  // A zero axis makes the tensor empty, but the others must still multiply without overflow.
  var empty = false
  for length in shape {
    if length < 0 { return nil }
    if length == 0 {
      empty = true
      continue
    }
    let (product, overflow) = total.multipliedReportingOverflow(by: length)
    if overflow { return nil }
    total = product
  }
  return empty ? 0 : total
}
