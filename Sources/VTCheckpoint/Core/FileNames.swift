/// File names as the system has them: bytes, which need not be UTF-8.
///
/// A byte that is not part of valid UTF-8 becomes the private character U+EF00 + byte, and so do the bytes of such
/// characters themselves. The inverse is therefore exact: `String(fileBytes: b).fileBytes == b` for all bytes.
extension String {
  private static let escapes: ClosedRange<UInt32> = 0xEF80...0xEFFF

  /// The name that these bytes are, without the closing zero.
  package init(fileBytes bytes: [UInt8]) {
    if let text = String(validating: bytes, as: UTF8.self),
      !text.unicodeScalars.contains(where: { Self.escapes.contains($0.value) })
    {
      self = text
      return
    }
    var scalars = String.UnicodeScalarView()
    var at = 0
    while at < bytes.count {
      let length = Self.sequenceLength(bytes[at])
      if at + length <= bytes.count,
        let text = String(validating: bytes[at..<at + length], as: UTF8.self),
        let scalar = text.unicodeScalars.first, !Self.escapes.contains(scalar.value)
      {
        scalars.append(scalar)
        at += length
      } else {
        scalars.append(Unicode.Scalar(0xEF00 + UInt32(bytes[at]))!)
        at += 1
      }
    }
    self = String(scalars)
  }

  /// The bytes of the file name.
  package var fileBytes: [UInt8] {
    guard hasUnreadableBytes else { return Array(utf8) }
    return unicodeScalars.flatMap { scalar in
      Self.escapes.contains(scalar.value)
        ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(String(scalar).utf8)
    }
  }

  /// Calls `body` with the name as the system's functions want it.
  package func withFileName<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
    try (fileBytes + [0]).withUnsafeBytes { try body($0.bindMemory(to: CChar.self).baseAddress!) }
  }

  /// Whether the name has bytes that are not UTF-8.
  package var hasUnreadableBytes: Bool {
    unicodeScalars.contains { Self.escapes.contains($0.value) }
  }

  /// Bytes that a UTF-8 sequence has by its first.
  private static func sequenceLength(_ first: UInt8) -> Int {
    first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  }
}
