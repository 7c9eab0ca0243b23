/// The header of an `.npy` array (NEP 1; versions 1.0, 2.0 and 3.0).
struct NPYHeader: Sendable {
  let type: ElementType
  let shape: [Int]
  let fortranOrder: Bool
  let bigEndian: Bool
  /// Bytes of magic, length and text: where the numbers begin.
  let length: Int

  /// NumPy's own limit is 10,000 characters; no numeric array comes near.
  static let maximumText = 65_536

  /// Parses the header at the front of `bytes`, which hold the member's first bytes.
  init(_ bytes: [UInt8], memberSize: Int) throws {
    guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
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
    let raw = bytes[start..<length]
    // Version 3.0 is UTF-8, the others Latin-1; what numbers need is ASCII in all.
    guard raw.allSatisfy({ $0 < 128 }) else {
      throw Failure("the .npy header is not plain text: a structured type, or damaged")
    }
    var parser = PythonLiteral(Array(raw))
    let fields = try parser.dictionary()
    var type: (ElementType, Bool)?
    var order: Bool?
    var shape: [Int]?
    for (key, value) in fields {
      switch (key, value) {
      case ("descr", .string(let text)): type = try Self.elementType(text)
      case ("descr", _): throw Failure("a structured array, which is no tensor")
      case ("fortran_order", .bool(let value)): order = value
      case ("shape", .tuple(let value)): shape = value
      default: throw Failure("the .npy header's field '\(key.printable)' is malformed or unknown")
      }
    }
    guard let type, let order, let shape else {
      throw Failure("the .npy header lacks descr, fortran_order or shape")
    }
    guard shape.count <= 16 else { throw Failure("an array of \(shape.count) axes (16 at most)") }
    (self.type, bigEndian) = type
    fortranOrder = order
    self.shape = shape
    guard let wanted = checkedByteCount(shape: shape, type: self.type) else {
      throw Failure("the shape \(shape) overflows")
    }
    guard wanted == memberSize - length else {
      throw Failure(
        "shape \(shape) of \(self.type.rawValue) needs \(wanted) bytes, the member has \(memberSize - length)"
      )
    }
  }

  private static func elementType(_ descr: String) throws -> (ElementType, bigEndian: Bool) {
    let types: [String: ElementType] = [
      "b1": .bool, "i1": .i8, "u1": .u8, "i2": .i16, "u2": .u16, "i4": .i32, "u4": .u32,
      "i8": .i64, "u8": .u64, "f2": .f16, "f4": .f32, "f8": .f64, "c8": .c64, "c16": .c128,
      // NumPy has no bfloat16; ml_dtypes' arrays are written as two anonymous bytes.
      "V2": .bf16,
    ]
    guard let mark = descr.first, "<>|=".contains(mark), let type = types[String(descr.dropFirst())]
    else {
      if descr.contains("O") {
        throw Failure("an array of Python objects, which is no tensor and is never unpickled")
      }
      throw Failure("the array type '\(descr.printable)' is not supported")
    }
    if type == .bf16 && mark == ">" { throw Failure("the array type '>V2' is not supported") }
    return (type, mark == ">" && type.width > 1)
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
    return [0x93] + Array("NUMPY".utf8)
      + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + text
  }
}

/// The part of Python's literal syntax that an `.npy` header is written in: one dictionary of
/// strings, booleans and tuples of integers. Nothing is evaluated.
private struct PythonLiteral {
  enum Value {
    case string(String)
    case bool(Bool)
    case tuple([Int])
  }

  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private func fail(_ problem: String) -> Failure { Failure("malformed .npy header: \(problem)") }

  private mutating func space() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  private mutating func take(_ character: Character) -> Bool {
    space()
    guard at < bytes.count, bytes[at] == character.asciiValue else { return false }
    at += 1
    return true
  }

  mutating func dictionary() throws -> [(String, Value)] {
    guard take("{") else { throw fail("it is no dictionary") }
    var fields: [(String, Value)] = []
    while !take("}") {
      let key = try string()
      guard !fields.contains(where: { $0.0 == key }) else { throw fail("a key occurs twice") }
      guard take(":") else { throw fail("':' is missing") }
      fields.append((key, try value()))
      if take(",") { continue }
      guard take("}") else { throw fail("',' or '}' is missing") }
      break
    }
    space()
    guard at == bytes.count else { throw fail("text after the dictionary") }
    return fields
  }

  private mutating func value() throws -> Value {
    space()
    guard at < bytes.count else { throw fail("it ends too early") }
    if word("True") { return .bool(true) }
    if word("False") { return .bool(false) }
    if bytes[at] == UInt8(ascii: "(") { return .tuple(try tuple()) }
    return .string(try string())
  }

  private mutating func word(_ text: String) -> Bool {
    guard bytes[at...].starts(with: text.utf8) else { return false }
    at += text.utf8.count
    return true
  }

  private mutating func string() throws -> String {
    space()
    // Python 2 wrote u'...' now and then.
    if at + 1 < bytes.count, bytes[at] == UInt8(ascii: "u"), [0x27, 0x22].contains(bytes[at + 1]) {
      at += 1
    }
    guard at < bytes.count, [0x27, 0x22].contains(bytes[at]) else { throw fail("a string is missing") }
    let quote = bytes[at]
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != quote {
      guard bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 0x20 else { throw fail("an escape") }
      at += 1
    }
    guard at < bytes.count else { throw fail("a string is not closed") }
    defer { at += 1 }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private mutating func tuple() throws -> [Int] {
    at += 1
    var items: [Int] = []
    var commas = 0
    while !take(")") {
      guard items.count == commas else { throw fail("',' is missing in the shape") }
      space()
      let start = at
      while at < bytes.count, (48...57).contains(bytes[at]) { at += 1 }
      guard at > start, at - start <= 19,
        let number = Int(String(decoding: bytes[start..<at], as: UTF8.self))
      else { throw fail("the shape has an axis that is no natural number") }
      // Python 2 marked long integers.
      if at < bytes.count, bytes[at] == UInt8(ascii: "L") { at += 1 }
      items.append(number)
      if take(",") { commas += 1 }
    }
    // "(3)" is a number to Python, not a tuple.
    guard items.count != 1 || commas == 1 else { throw fail("the shape is no tuple") }
    return items
  }
}
