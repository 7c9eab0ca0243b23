import Foundation

/// A JSON value that keeps the order of keys and the spelling of numbers. The parser follows
/// RFC 8259 to the letter and refuses a key given twice, which Foundation's accept in silence.
public indirect enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number as it was spelled.
  case number(String)
  case string(String)
  case array([JSON])
  case object([Member])

  /// A key of an object, and its value.
  public struct Member: Sendable, Equatable {
    /// The key.
    public let key: String
    /// The value.
    public let value: JSON

    /// A key and its value.
    public init(key: String, value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// An object.
  /// - Parameter members: keys must differ.
  public static func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
    .object(members.map { Member(key: $0.key, value: $0.value) })
  }

  /// A whole number.
  public static func int(_ value: Int) -> JSON { .number(String(value)) }

  /// The shortest decimal that reads back to the same number; null for what JSON cannot say.
  public static func double(_ value: Double) -> JSON {
    value.isFinite ? .number(value.description.replacingSuffix(".0")) : .null
  }

  /// An object's value of a key; nil where it has no such key, or this is not an object.
  public subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// The text; nil for anything else.
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  /// True or false; nil for anything else.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// An array's values; nil for anything else.
  public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  /// An object's members, in order; nil for anything else.
  public var members: [Member]? { if case .object(let value) = self { value } else { nil } }
  /// A number spelled as an integer that fits.
  public var int: Int? { if case .number(let text) = self { Int(text) } else { nil } }
  /// A number; nil for anything else.
  public var double: Double? { if case .number(let text) = self { Double(text) } else { nil } }
}

extension String {
  fileprivate func replacingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}

// MARK: - Reading

extension JSON {
  /// - Throws: `Failure` with the byte offset of the first mistake.
  package init(parsing text: some Sequence<UInt8>) throws {
    let bytes = Array(text)
    self = try bytes.withUnsafeBufferPointer { buffer in
      var parser = Parser(bytes: buffer)
      return try parser.document()
    }
  }

  /// Reads JSON text.
  /// - Throws: `Failure` with the byte offset of the first mistake.
  public init(parsing text: String) throws { try self.init(parsing: text.utf8) }

  private struct Parser {
    let bytes: UnsafeBufferPointer<UInt8>
    var at = 0
    /// Deeper nesting than any header has; bounds the parser's own stack.
    static let maximumDepth = 128

    func fail(_ problem: String) -> Failure { Failure("malformed JSON: \(problem)", offset: at) }

    mutating func document() throws -> JSON {
      let value = try self.value(depth: 0)
      skipSpace()
      guard at == bytes.count else { throw fail("text after the value") }
      return value
    }

    mutating func skipSpace() {
      while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
      guard at < bytes.count, bytes[at] == byte else { return false }
      at += 1
      return true
    }

    mutating func value(depth: Int) throws -> JSON {
      guard depth < Self.maximumDepth else { throw fail("nested too deeply") }
      skipSpace()
      guard at < bytes.count else { throw fail("unexpected end") }
      switch bytes[at] {
      case UInt8(ascii: "{"): return try object(depth: depth)
      case UInt8(ascii: "["): return try array(depth: depth)
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try word("true", .bool(true))
      case UInt8(ascii: "f"): return try word("false", .bool(false))
      case UInt8(ascii: "n"): return try word("null", .null)
      default: return .number(try number())
      }
    }

    mutating func word(_ word: String, _ value: JSON) throws -> JSON {
      for byte in word.utf8 { guard take(byte) else { throw fail("unknown word") } }
      return value
    }

    mutating func object(depth: Int) throws -> JSON {
      at += 1
      var members: [Member] = []
      var seen: Set<String> = []
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(members) }
      while true {
        skipSpace()
        guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw fail("a key is missing") }
        let key = try string()
        guard seen.insert(key).inserted else { throw fail("the key '\(key.printable)' occurs twice") }
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw fail("':' is missing after a key") }
        members.append(Member(key: key, value: try value(depth: depth + 1)))
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        guard take(UInt8(ascii: ",")) else { throw fail("',' or '}' is missing") }
      }
    }

    mutating func array(depth: Int) throws -> JSON {
      at += 1
      var items: [JSON] = []
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(items) }
      while true {
        items.append(try value(depth: depth + 1))
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(items) }
        guard take(UInt8(ascii: ",")) else { throw fail("',' or ']' is missing") }
      }
    }

    mutating func number() throws -> String {
      let start = at
      func isDigit() -> Bool { at < bytes.count && bytes[at] >= 48 && bytes[at] <= 57 }
      _ = take(UInt8(ascii: "-"))
      guard isDigit() else { throw fail("unexpected character") }
      if !take(UInt8(ascii: "0")) { while isDigit() { at += 1 } }
      if take(UInt8(ascii: ".")) {
        guard isDigit() else { throw fail("a digit is missing after '.'") }
        while isDigit() { at += 1 }
      }
      if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
        if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
        guard isDigit() else { throw fail("a digit is missing in the exponent") }
        while isDigit() { at += 1 }
      }
      return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    mutating func string() throws -> String {
      at += 1
      var out: [UInt8] = []
      while true {
        guard at < bytes.count else { throw fail("a string is not closed") }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""):
          guard let text = String(validating: out, as: UTF8.self) else {
            throw fail("a string is not valid UTF-8")
          }
          return text
        case UInt8(ascii: "\\"): try escape(into: &out)
        case 0..<0x20: throw fail("a control character in a string")
        default: out.append(byte)
        }
      }
    }

    mutating func escape(into out: inout [UInt8]) throws {
      guard at < bytes.count else { throw fail("a string is not closed") }
      let byte = bytes[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
      case UInt8(ascii: "b"): out.append(8)
      case UInt8(ascii: "f"): out.append(12)
      case UInt8(ascii: "n"): out.append(10)
      case UInt8(ascii: "r"): out.append(13)
      case UInt8(ascii: "t"): out.append(9)
      case UInt8(ascii: "u"):
        var code = try hex4()
        if (0xD800...0xDBFF).contains(code) {
          guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw fail("half a surrogate pair")
          }
          let low = try hex4()
          guard (0xDC00...0xDFFF).contains(low) else { throw fail("half a surrogate pair") }
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fail("half a surrogate pair") }
        out.append(contentsOf: String(Character(scalar)).utf8)
      default: throw fail("an unknown escape")
      }
    }

    mutating func hex4() throws -> UInt32 {
      var code: UInt32 = 0
      for _ in 0..<4 {
        guard at < bytes.count, let digit = Character(Unicode.Scalar(bytes[at])).hexDigitValue,
          bytes[at] < 128
        else { throw fail("four hexadecimal digits belong after \\u") }
        code = code << 4 | UInt32(digit)
        at += 1
      }
      return code
    }
  }
}

// MARK: - Writing

extension JSON {
  /// Compact text, or with one member a line and two spaces a level.
  public func text(pretty: Bool = false) -> String {
    var out = ""
    write(to: &out, pretty: pretty, indent: 0)
    return out
  }

  private func write(to out: inout String, pretty: Bool, indent: Int) {
    func newline(_ level: Int) {
      if pretty { out += "\n" + String(repeating: "  ", count: level) }
    }
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .number(let text): out += text
    case .string(let text): out += JSON.quoted(text)
    case .array(let items):
      // Arrays of plain values read best on one line.
      let flat = items.allSatisfy { $0.members == nil && $0.array == nil }
      out += "["
      for (i, item) in items.enumerated() {
        if i > 0 { out += pretty && flat ? ", " : "," }
        if !flat { newline(indent + 1) }
        item.write(to: &out, pretty: pretty, indent: indent + 1)
      }
      if !flat && !items.isEmpty { newline(indent) }
      out += "]"
    case .object(let members):
      out += "{"
      for (i, member) in members.enumerated() {
        if i > 0 { out += "," }
        newline(indent + 1)
        out += JSON.quoted(member.key) + (pretty ? ": " : ":")
        member.value.write(to: &out, pretty: pretty, indent: indent + 1)
      }
      if !members.isEmpty { newline(indent) }
      out += "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      // The text may go to a terminal.
      case _ where scalar.steersTerminals:
        for unit in String(scalar).utf16 {
          let hex = String(unit, radix: 16)
          out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        }
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

extension JSON {
  package static func list(_ values: [Int]) -> JSON { .array(values.map { .int($0) }) }

  /// The same object with some of its members' values replaced; keys that it lacks are not added.
  package func replacing(_ values: [String: JSON]) -> JSON {
    .object((members ?? []).map { Member(key: $0.key, value: values[$0.key] ?? $0.value) })
  }

  /// The object with these values in place of its own, new keys last.
  package func merging(_ values: [String: JSON]) -> JSON {
    let own = Set((members ?? []).map(\.key))
    let new = values.filter { !own.contains($0.key) }.sorted { $0.key < $1.key }
    return .object((replacing(values).members ?? []) + new.map { Member(key: $0.key, value: $0.value) })
  }

  /// An object of texts, keys sorted.
  package init(texts: [String: String]) {
    self = .object(
      texts.sorted { $0.key < $1.key }.map { Member(key: $0.key, value: .string($0.value)) })
  }

  /// The members that are texts.
  package var texts: [String: String] {
    Dictionary((members ?? []).compactMap { m in m.value.string.map { (m.key, $0) } }) { $1 }
  }
}
