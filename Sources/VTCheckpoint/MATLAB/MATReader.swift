import VTCore

/// A place in a MATLAB file's elements. Every read is checked against their end.
struct MATReader {
  private let bytes: Bytes
  private(set) var at: Int

  init(_ bytes: Bytes, at: Int = 0) { (self.bytes, self.at) = (bytes, at) }

  var left: Int { bytes.count - at }

  private func number(_ place: Int, _ width: Int) -> Int {
    bytes.withUnsafeBytes { raw in (0..<width).reduce(0) { $0 | Int(raw[place + $1]) << (8 * $1) } }
  }

  /// The next element: a type, a length and data, padded to eight bytes unless it is packed; up to four bytes may
  /// lie in the tag itself.
  mutating func element() throws -> (type: Int, data: Bytes) {
    guard left >= 8 else { throw Failure("an element's tag is cut off") }
    let type = number(at, 2)
    let small = number(at + 2, 2)
    if small > 0 {
      guard small <= 4 else { throw Failure("a small element of \(small) bytes") }
      defer { at += 8 }
      return (type, bytes.slice(at + 4, small))
    }
    let length = number(at + 4, 4)
    guard length <= left - 8 else { throw Failure("an element of \(length) bytes, \(left - 8) are left") }
    let data = bytes.slice(at + 8, length)
    let padded = type == 15 ? length : (length + 7) / 8 * 8
    at += 8 + min(padded, left - 8)
    return (type, data)
  }

  /// The classes of arrays, by number: 6 to 15 are numeric.
  private static let classes = 1...18

  /// Numbers by the type that they are stored as.
  private static let types: [Int: ElementType] = [
    1: .i8, 2: .u8, 3: .i16, 4: .u16, 5: .i32, 6: .u32, 7: .f32, 9: .f64, 12: .i64, 13: .u64,
  ]

  /// An array's name, from its first bytes.
  static func name(_ data: Bytes) throws -> String {
    var reader = MATReader(data)
    _ = try reader.element()
    _ = try reader.element()
    return try text(try reader.element())
  }

  private static func text(_ element: (type: Int, data: Bytes)) throws -> String {
    guard element.type == 1,
      let text = element.data.withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
    else { throw Failure("an array's name is not text") }
    return text
  }

  /// The array, where it is wanted.
  static func array(_ data: Bytes, _ names: Set<String>) throws -> (String, MATArray)? {
    var reader = MATReader(data)
    let flags = try reader.element()
    guard flags.type == 6, flags.data.count == 8 else { throw Failure("an array without its flags") }
    let word = flags.data.withUnsafeBytes { ($0[0], $0[1]) }
    guard classes.contains(Int(word.0)) else { throw Failure("an array of class \(word.0)") }
    let dimensions = try reader.element()
    guard dimensions.type == 5, dimensions.data.count % 4 == 0, (8...128).contains(dimensions.data.count)
    else {
      throw Failure("an array without its dimensions")
    }
    let shape = dimensions.data.withUnsafeBytes { raw in
      (0..<raw.count / 4).map { Int(raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
    }
    let name = try text(try reader.element())
    guard names.contains(name) else { return nil }
    guard (6...15).contains(word.0), word.1 & 0x08 == 0 else {
      throw Failure("the array '\(name.printable)' is not one of real numbers")
    }
    let content = try reader.element()
    guard let type = types[content.type] else {
      throw Failure("the array '\(name.printable)' has numbers of type \(content.type)")
    }
    guard shape.allSatisfy({ $0 >= 0 }), let size = checkedByteCount(shape: shape, type: type),
      size == content.data.count
    else {
      throw Failure(
        "the array '\(name.printable)' of \(shape) numbers of \(type.width) bytes has \(content.data.count) bytes"
      )
    }
    return (name, MATArray(shape: shape, type: type, bytes: content.data))
  }
}
