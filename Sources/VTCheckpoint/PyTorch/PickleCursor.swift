/// A place in a pickle's bytes. Every read is checked against their end.
struct PickleCursor {
  private let bytes: Bytes
  private(set) var at = 0

  init(_ bytes: Bytes) { self.bytes = bytes }

  var left: Int { bytes.count - at }

  /// The next bytes, in place.
  mutating func take(_ count: Int) throws -> Bytes {
    guard count >= 0, count <= left else { throw PickleMachine.damaged("the end of the pickle") }
    at += count
    return bytes.slice(at - count, count)
  }

  mutating func skip(_ count: Int) throws {
    guard count >= 0, count <= left else { throw PickleMachine.damaged("the end of the pickle") }
    at += count
  }

  mutating func byte() throws -> UInt8 {
    try skip(1)
    return bytes.withUnsafeBytes { $0[at - 1] }
  }

  /// An unsigned little-endian number of up to eight bytes.
  mutating func number(_ width: Int) throws -> Int {
    try skip(width)
    let value = bytes.withUnsafeBytes { raw in
      (0..<width).reduce(UInt64(0)) { $0 | UInt64(raw[at - width + $1]) << UInt64(8 * $1) }
    }
    guard let number = Int(exactly: value) else { throw PickleMachine.damaged("a length beyond all files") }
    return number
  }

  /// A big-endian float64.
  mutating func double() throws -> Double {
    try skip(8)
    return bytes.withUnsafeBytes { raw in
      Double(bitPattern: (0..<8).reduce(UInt64(0)) { $0 << 8 | UInt64(raw[at - 8 + $1]) })
    }
  }

  /// A signed little-endian number.
  mutating func long(_ width: Int) throws -> PickleValue {
    let digits = try take(width)
    return digits.withUnsafeBytes { raw in
      if width > 8 { return .long(width <= 16 ? Array(raw) : []) }
      var value: UInt64 = (raw.last ?? 0) & 0x80 == 0 ? 0 : .max
      for digit in raw.reversed() { value = value << 8 | UInt64(digit) }
      return .int(Int(Int64(bitPattern: value)))
    }
  }

  /// No name is as long; what is longer is carried as bytes.
  private static let longestText = 1 << 24

  /// - Parameter isBytes: whether the text may be no UTF-8 (Python 2 has one type for texts and for bytes).
  mutating func text(_ count: Int, orBytes isBytes: Bool = false) throws -> PickleValue {
    guard count <= Self.longestText else {
      return .bytes(try take(count))
    }
    let raw = try take(count)
    guard let text = raw.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      if isBytes { return .bytes(raw) }
      throw PickleMachine.damaged("text that is not UTF-8")
    }
    return .string(text)
  }

  /// The text before the next line end.
  mutating func line(longest: Int = 512) throws -> [UInt8] {
    let line = bytes.withUnsafeBytes { raw in
      raw[at...].prefix(longest).firstIndex(of: 10).map { Array(raw[at..<$0]) }
    }
    guard let line else { throw PickleMachine.damaged("a line without an end") }
    at += line.count + 1
    return line
  }

  /// A line of a module's or a class's name.
  mutating func name() throws -> String {
    guard let text = String(validating: try line(), as: UTF8.self) else {
      throw PickleMachine.damaged("a name that is not UTF-8")
    }
    return text
  }
}
