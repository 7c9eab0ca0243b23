import VTCore

/// The header of an `.npy` array (NEP 1; versions 1.0, 2.0 and 3.0).
struct NPYHeader: Sendable {
  let type: NPYType
  let shape: [Int]
  let fortranOrder: Bool
  /// Bytes of magic, length and text: where the numbers begin.
  let length: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// NumPy's own limit is 10,000 characters; no numeric array comes near.
  static let maximumText = 65_536

  /// Parses the header at the front of `bytes`, which hold the member's first bytes.
  init(_ bytes: [UInt8], memberSize: Int) throws {
    guard bytes.count >= 10, bytes.starts(with: Self.magic) else {
      throw Failure("not a NumPy array (no .npy magic)")
    }
    let major = bytes[6]
    let start: Int
    let textLength: Int
    switch (major, bytes[7]) {
    case (1, 0):
      start = 10
      textLength = Int(bytes[8]) | Int(bytes[9]) << 8
    case (2, 0), (3, 0):
      guard bytes.count >= 12 else { throw Failure("the .npy header is cut off") }
      start = 12
      textLength = (0..<4).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    default: throw Failure("the .npy format version \(major).\(bytes[7]) is unknown")
    }
    guard textLength <= Self.maximumText else {
      throw Failure("the .npy header would be \(textLength) bytes")
    }
    guard start + textLength <= bytes.count, start + textLength <= memberSize else {
      throw Failure("the .npy header is cut off")
    }
    length = start + textLength
    let raw = Array(bytes[start..<length])
    if bytes[6] == 3, String(validating: raw, as: UTF8.self) == nil {
      throw Failure("the .npy header is not UTF-8")
    }
    var parser = PythonLiteral(raw)
    let fields = try parser.dictionary()
    var type: NPYType?
    var order: Bool?
    var shape: [Int]?
    for (key, value) in fields {
      switch (key, value) {
      case ("descr", _): type = try NPYType(value)
      case ("fortran_order", .bool(let value)): order = value
      case ("shape", .tuple(let items)): shape = try Self.lengths(items)
      default: throw Failure("the .npy header's field '\(key.printable)' is malformed or unknown")
      }
    }
    guard let type, let order, let shape else {
      throw Failure("the .npy header lacks descr, fortran_order or shape")
    }
    self.type = type
    fortranOrder = order
    self.shape = shape
    try checkSize(memberSize - length)
  }

  /// The elements must fill the member exactly.
  private func checkSize(_ found: Int) throws {
    let width: Int
    switch type {
    case .numbers(let type, _): width = type.width
    case .other(_, .some(let own)): width = own
    // Pickled objects take as many bytes as they take.
    case .other(_, .none): return
    }
    guard let count = checkedByteCount(shape: shape, type: .u8) else {
      throw Failure("the shape \(shape.prefix(16)) overflows")
    }
    let (wanted, overflow) = count.multipliedReportingOverflow(by: width)
    guard !overflow, wanted == found else {
      throw Failure(
        "the shape \(shape.prefix(16)) of \(width)-byte elements does not fit the member, which has \(found) bytes"
      )
    }
  }

  /// - Throws: `Failure` where an item is not 0 or a positive integer.
  static func lengths(_ items: [PythonLiteral.Value]) throws -> [Int] {
    guard items.count <= 64 else { throw Failure("an array of \(items.count) axes (NumPy has 64 at most)") }
    return try items.map { item in
      guard case .int(let length) = item else {
        throw Failure("the .npy header's shape has an axis that is not 0 or a positive integer")
      }
      return length
    }
  }

  /// The header that NumPy itself would write, padded so that the numbers begin at a multiple of 64.
  static func encode(type: ElementType, shape: [Int]) throws -> [UInt8] {
    let codes: [ElementType: String] = [
      .bool: "|b1", .i8: "|i1", .u8: "|u1", .i16: "<i2", .u16: "<u2", .i32: "<i4", .u32: "<u4",
      .i64: "<i8", .u64: "<u8", .f16: "<f2", .f32: "<f4", .f64: "<f8", .c64: "<c8", .c128: "<c16",
      .bf16: "<V2",
    ]
    guard let code = codes[type] else { throw Failure("NumPy has no type for \(type.rawValue)") }
    let tuple =
      shape.count == 1 ? "(\(shape[0]),)" : "(" + shape.map(String.init).joined(separator: ", ") + ")"
    var text = Array("{'descr': '\(code)', 'fortran_order': False, 'shape': \(tuple), }".utf8)
    let padding = (64 - (10 + text.count + 1) % 64) % 64
    text += [UInt8](repeating: 0x20, count: padding) + [0x0A]
    return magic
      + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + text
  }
}
