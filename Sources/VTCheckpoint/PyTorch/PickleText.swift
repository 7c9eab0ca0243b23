/// Values as protocol 0 writes them: text up to a line end.
enum PickleText {
  /// Lines of text that a pickle of protocol 0 may hold.
  static let longest = 1 << 20

  /// `I`: a number, or `00` and `01` for the two truth values.
  static func integer(_ line: [UInt8]) throws -> PickleValue {
    if line == [0x30, 0x30] { return .bool(false) }
    if line == [0x30, 0x31] { return .bool(true) }
    guard let number = Int(String(decoding: line, as: UTF8.self)) else {
      throw PickleMachine.damaged("a number that is none")
    }
    return .int(number)
  }

  /// `L`: digits and the `L` of Python 2.
  static func long(_ line: [UInt8]) throws -> PickleValue {
    let digits = line.last == UInt8(ascii: "L") ? line.dropLast() : line[...]
    if let number = Int(String(decoding: digits, as: UTF8.self)) { return .int(number) }
    // As many as Python itself reads.
    let unsigned = digits.first == UInt8(ascii: "-") ? digits.dropFirst() : digits
    guard !unsigned.isEmpty, unsigned.count <= 4300, unsigned.allSatisfy({ (48...57).contains($0) }) else {
      throw PickleMachine.damaged("a number that is none")
    }
    return .long([])
  }

  /// `F`: a decimal number.
  static func float(_ line: [UInt8]) throws -> PickleValue {
    guard let number = Double(String(decoding: line, as: UTF8.self)) else {
      throw PickleMachine.damaged("a number that is none")
    }
    return .float(number)
  }

  /// `S`: a text in quotes, with escapes.
  static func quoted(_ line: [UInt8]) throws -> PickleValue {
    guard line.count >= 2, let quote = line.first, [0x22, 0x27].contains(quote), line.last == quote else {
      throw PickleMachine.damaged("a text without its quotes")
    }
    let text = try unescaped(line[1..<line.count - 1], escapes: simple, isUnicode: false)
    return try String(validating: text, as: UTF8.self).map { .string($0) } ?? .bytes(Bytes(text))
  }

  /// `V`: a text in which only `\u` and `\U` are escapes, and whose bytes are the first 256 characters.
  static func unicode(_ line: [UInt8]) throws -> PickleValue {
    .string(String(decoding: try unescaped(line[...], escapes: [:], isUnicode: true), as: UTF8.self))
  }

  private static let simple: [UInt8: UInt8] = [
    UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "0"): 0,
    UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "'"): 0x27, UInt8(ascii: "\""): 0x22, UInt8(ascii: "a"): 7,
    UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11,
  ]

  private static func unescaped(
    _ line: ArraySlice<UInt8>, escapes: [UInt8: UInt8], isUnicode: Bool
  ) throws -> [UInt8] {
    var out: [UInt8] = []
    var at = line.startIndex
    while at < line.endIndex {
      let byte = line[at]
      at += 1
      guard byte == UInt8(ascii: "\\") else {
        if isUnicode, byte >= 0x80 {
          out += String(Unicode.Scalar(byte)).utf8
        } else {
          out.append(byte)
        }
        continue
      }
      let kind = at < line.endIndex ? line[at] : 0
      let digits =
        isUnicode
        ? (kind == UInt8(ascii: "u") ? 4 : kind == UInt8(ascii: "U") ? 8 : 0)
        : (kind == UInt8(ascii: "x") ? 2 : 0)
      if digits > 0 {
        guard line.endIndex - at > digits,
          let code = UInt32(String(decoding: line[at + 1...at + digits], as: UTF8.self), radix: 16)
        else { throw PickleMachine.damaged("a text with a broken escape") }
        at += 1 + digits
        if isUnicode {
          // Half of a pair says nothing.
          out += String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8
        } else {
          out.append(UInt8(code))
        }
      } else if let simple = escapes[kind] {
        out.append(simple)
        at += 1
      } else if isUnicode {
        out.append(byte)
      } else {
        throw PickleMachine.damaged("a text with a broken escape")
      }
    }
    return out
  }
}
