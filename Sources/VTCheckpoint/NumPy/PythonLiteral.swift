import VTCore

/// The part of Python's literal syntax that an `.npy` header is written in: one dictionary of strings, booleans,
/// whole numbers, tuples and lists. Nothing is evaluated.
struct PythonLiteral {
  enum Value {
    case string(String)
    case bool(Bool)
    case int(Int)
    case tuple([Value])
    case list([Value])
  }

  /// Structured types nest; none that NumPy users write comes near.
  private static let deepest = 32

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
    guard take("{") else { throw fail("it is not a dictionary") }
    var fields: [(String, Value)] = []
    while !take("}") {
      let key = try string()
      guard !fields.contains(where: { $0.0 == key }) else { throw fail("a key occurs twice") }
      guard take(":") else { throw fail("':' is missing") }
      fields.append((key, try value(depth: 0)))
      if take(",") { continue }
      guard take("}") else { throw fail("',' or '}' is missing") }
      break
    }
    space()
    guard at == bytes.count else { throw fail("text after the dictionary") }
    return fields
  }

  private mutating func value(depth: Int) throws -> Value {
    space()
    guard at < bytes.count else { throw fail("it ends too early") }
    guard depth <= Self.deepest else { throw fail("it is nested too deeply") }
    if word("True") { return .bool(true) }
    if word("False") { return .bool(false) }
    if take("(") {
      let (items, commas) = try items(until: ")", depth: depth)
      // "(3)" is a number to Python, not a tuple.
      guard items.count != 1 || commas == 1 else { throw fail("parentheses without a comma are not a tuple") }
      return .tuple(items)
    }
    if take("[") { return .list(try items(until: "]", depth: depth).items) }
    if (48...57).contains(bytes[at]) { return .int(try number()) }
    return .string(try string())
  }

  private mutating func items(until end: Character, depth: Int) throws -> (items: [Value], commas: Int) {
    var items: [Value] = []
    var commas = 0
    while !take(end) {
      guard items.count == commas else { throw fail("',' is missing") }
      items.append(try value(depth: depth + 1))
      if take(",") { commas += 1 }
    }
    return (items, commas)
  }

  private mutating func word(_ text: String) -> Bool {
    guard bytes[at...].starts(with: text.utf8) else { return false }
    at += text.utf8.count
    return true
  }

  private mutating func number() throws -> Int {
    let start = at
    while at < bytes.count, (48...57).contains(bytes[at]) { at += 1 }
    guard at - start <= 19, let number = Int(String(decoding: bytes[start..<at], as: UTF8.self)) else {
      throw fail("a number beyond all sizes")
    }
    // Python 2 marked long integers.
    if at < bytes.count, bytes[at] == UInt8(ascii: "L") { at += 1 }
    return number
  }

  private mutating func string() throws -> String {
    space()
    // Python 2 wrote u'...' now and then.
    if at + 1 < bytes.count, bytes[at] == UInt8(ascii: "u"), [0x27, 0x22].contains(bytes[at + 1]) {
      at += 1
    }
    guard at < bytes.count, [0x27, 0x22].contains(bytes[at]) else {
      throw fail("neither text, number, tuple nor list")
    }
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
}
