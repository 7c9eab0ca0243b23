import VTCore

/// A type that tensors have, as an HDF5 file holds it.
struct HDF5Element {
  let type: ElementType
  /// Bytes to turn round at a time; 1 where numbers are little-endian already.
  let swap: Int

  /// - Parameter isBfloat16: whether two opaque bytes are said to be one.
  /// - Returns: nil where the type is not a number.
  init?(_ type: HDF5Datatype, isBfloat16: Bool = false) {
    switch type.kind {
    case .integer(let isSigned, let isBig, let bits):
      guard bits == HDF5Datatype.Bits(offset: 0, count: 8 * type.size) else { return nil }
      let table: [Int: (ElementType, ElementType)] = [
        1: (.u8, .i8), 2: (.u16, .i16), 4: (.u32, .i32), 8: (.u64, .i64),
      ]
      guard let (plain, signed) = table[type.size] else { return nil }
      (self.type, swap) = (isSigned ? signed : plain, isBig ? type.size : 1)
    case .float(let isBig, let bits, let fields):
      guard bits == HDF5Datatype.Bits(offset: 0, count: 8 * type.size), fields.mantissaAt == 0,
        fields.exponentAt == fields.mantissa, fields.sign == 8 * type.size - 1, fields.norm == 2,
        !fields.isVAX, fields.exponent < 32, fields.bias == (1 << (fields.exponent - 1)) - 1
      else { return nil }
      switch (type.size, fields.exponent, fields.mantissa) {
      case (2, 5, 10): self.type = .f16
      case (2, 8, 7): self.type = .bf16
      case (4, 8, 23): self.type = .f32
      case (8, 11, 52): self.type = .f64
      default: return nil
      }
      swap = isBig ? type.size : 1
    case .enumeration(_, let members):
      // h5py's bool.
      func value(_ name: String) -> [UInt8]? { members.first { $0.name.elementsEqual(name.utf8) }?.value }
      guard type.size == 1, members.count == 2, value("FALSE") == [0], value("TRUE") == [1] else {
        return nil
      }
      (self.type, swap) = (.bool, 1)
    case .opaque:
      guard isBfloat16, type.size == 2 else { return nil }
      (self.type, swap) = (.bf16, 1)
    case .compound(let members):
      // h5py's complex numbers.
      guard members.count == 2, members[0].name.elementsEqual("r".utf8),
        members[1].name.elementsEqual("i".utf8),
        members[0].offset == 0, members[1].offset == members[0].type.size,
        let real = HDF5Element(members[0].type), let imaginary = HDF5Element(members[1].type),
        real == imaginary, type.size == 2 * members[0].type.size, let complex = Self.complex(real)
      else { return nil }
      self = complex
    case .complex(let base):
      guard let part = HDF5Element(base), let complex = Self.complex(part) else { return nil }
      self = complex
    default: return nil
    }
  }

  private init(type: ElementType, swap: Int) { (self.type, self.swap) = (type, swap) }

  private static func complex(_ part: HDF5Element) -> HDF5Element? {
    switch part.type {
    case .f32: HDF5Element(type: .c64, swap: part.swap)
    case .f64: HDF5Element(type: .c128, swap: part.swap)
    default: nil
    }
  }
}

extension HDF5Element: Equatable {}

extension HDF5Datatype {
  /// What the elements are, in a list of what was passed over.
  var text: String {
    switch kind {
    case .string, .variable(isString: true, _): "strings"
    case .compound: "records"
    case .reference: "references"
    case .variable: "lists of varying length"
    case .enumeration: "an enumeration"
    case .opaque: "opaque bytes"
    case .array: "arrays as elements"
    case .bitField: "bit fields"
    case .time: "times"
    case .complex: "complex numbers"
    case .integer, .float: "numbers of an unusual type"
    }
  }
}

extension HDF5Datatype {
  /// What filters repeat of the type.
  func filtered(_ fill: [UInt8]?) -> HDF5Pipeline.ElementKind {
    switch kind {
    case .integer(let isSigned, let isBig, _):
      HDF5Pipeline.ElementKind(
        size: size, kind: isSigned ? .signed : .unsigned, isBigEndian: isBig, fill: fill)
    case .float(let isBig, _, _):
      HDF5Pipeline.ElementKind(size: size, kind: .float, isBigEndian: isBig, fill: fill)
    default: HDF5Pipeline.ElementKind(size: size, fill: fill)
    }
  }

  /// What is odd about a number's bits: they leave some of its bytes out, or do not share them out as floats do.
  var oddity: String? {
    let oddity = "numbers whose bits lie oddly in their bytes, or a damaged type"
    switch kind {
    case .integer(_, _, let bits):
      return bits == Bits(offset: 0, count: 8 * size) ? nil : oddity
    case .float(_, let bits, let fields):
      let isWhole = fields.exponent + fields.mantissa + 1 == bits.count
      let isInOrder =
        fields.mantissaAt == bits.offset && fields.exponentAt == fields.mantissaAt + fields.mantissa
        && fields.sign == bits.offset + bits.count - 1
      let isBiased = fields.exponent < 32 && fields.bias == (1 << (fields.exponent - 1)) - 1
      // Only the x87's 80 bits store the mantissa's first one.
      let isNormal = fields.norm == 2 || bits.count == 80
      // Half a float's bytes are not used on their own.
      let isFull = bits.count == 80 || bits == Bits(offset: 0, count: 8 * size)
      return fields.isVAX || (isWhole && isInOrder && isBiased && isNormal && isFull) ? nil : oddity
    default: return nil
    }
  }
}
