import VTCheckpoint
import VTCore

/// A tensor name with placeholders: `{block}` for a number that is counted (`{stage+1}` if numbering begins
/// at another number than 0, `{2*stage+1}` if it skips some, `{_block}` if Keras omits the first number),
/// others for text that a variant or a wildcard gives. A pattern matches a complete name or not at all.
struct NamePattern: Sendable {
  enum Piece: Sendable {
    case text([UInt8])
    /// Digits without leading zeros: the counter times `factor`, and `offset`.
    case number(String, factor: Int, offset: Int)
    /// Nothing for 0, `_1` for 1 and so on: Keras's numbering of layers of one class.
    case suffix(String)
    /// At least one byte, none of them a slash.
    case wildcard(String)
    /// Anything at all: the `*` of ignore lists.
    case anything
  }

  struct Match: Equatable {
    var numbers: [String: Int] = [:]
    var wildcards: [String: String] = [:]
  }

  let text: String
  let pieces: [Piece]

  /// Names of the numbers in the pattern, in order.
  var numbers: [String] {
    pieces.compactMap {
      switch $0 {
      case .number(let name, _, _), .suffix(let name): name
      default: nil
      }
    }
  }

  /// - Parameters:
  ///   - variables: values of placeholders, which may contain placeholders for numbers and wildcards.
  ///   - counts: placeholders for numbers.
  ///   - wildcards: placeholders for text from the file.
  /// - Throws: `Failure` for an unknown placeholder.
  init(
    _ text: String, variables: [String: String], counts: Set<String>, wildcards: Set<String>
  ) throws {
    self.text = text
    var pieces: [Piece] = []
    var literal: [UInt8] = []
    func endLiteral() {
      if !literal.isEmpty { pieces.append(.text(literal)) }
      literal = []
    }
    var rest = Self.filled(text, variables)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "*") else {
        literal.append(byte)
        continue
      }
      endLiteral()
      if byte == UInt8(ascii: "*") {
        pieces.append(.anything)
        continue
      }
      guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else {
        throw Failure("'\(text)' has a '{' without '}'")
      }
      let name = String(decoding: rest[..<end], as: UTF8.self)
      rest = rest[(end + 1)...]
      if name.hasPrefix("_"), counts.contains(String(name.dropFirst())) {
        pieces.append(.suffix(String(name.dropFirst())))
      } else if let (counter, factor, offset) = Self.counter(name), counts.contains(counter) {
        pieces.append(.number(counter, factor: factor, offset: offset))
      } else if wildcards.contains(name) {
        pieces.append(.wildcard(name))
      } else {
        throw Failure("'\(text)' has an unknown placeholder '{\(name)}'")
      }
    }
    endLiteral()
    self.pieces = pieces
  }

  /// The text with the variables' values filled in.
  static func filled(_ text: String, _ variables: [String: String]) -> [UInt8] {
    var rest = Array(text.utf8)[...]
    guard !variables.isEmpty else { return Array(rest) }
    var result: [UInt8] = []
    while let open = rest.firstIndex(of: UInt8(ascii: "{")),
      let close = rest[open...].firstIndex(of: UInt8(ascii: "}"))
    {
      if let value = variables[String(decoding: rest[(open + 1)..<close], as: UTF8.self)] {
        result += rest[..<open] + Array(value.utf8)
        rest = rest[(close + 1)...]
      } else {
        result += rest[...open]
        rest = rest[(open + 1)...]
      }
    }
    return result + rest
  }

  /// `2*stage+1` parsed; the factor defaults to 1, the offset to 0.
  private static func counter(_ text: String) -> (name: String, factor: Int, offset: Int)? {
    let sum = text.split(separator: "+", omittingEmptySubsequences: false)
    let product = sum[0].split(separator: "*", omittingEmptySubsequences: false)
    guard sum.count <= 2, product.count <= 2, let offset = sum.count == 2 ? Int(sum[1]) : 0,
      let factor = product.count == 2 ? Int(product[0]) : 1, factor > 0
    else { return nil }
    return (String(product[product.count - 1]), factor, offset)
  }

  /// The placeholders' values if the complete `name` matches.
  func match(_ name: String) -> Match? { match(Array(name.utf8)) }

  /// The same for a name's bytes, which many patterns may be matched against.
  func match(_ name: [UInt8]) -> Match? {
    if case .text(let text)? = pieces.first, !name.starts(with: text) { return nil }
    var match = Match()
    return Self.match(pieces[...], name[...], &match) ? match : nil
  }

  private static func match(
    _ pieces: ArraySlice<Piece>, _ bytes: ArraySlice<UInt8>, _ match: inout Match
  ) -> Bool {
    guard let piece = pieces.first else { return bytes.isEmpty }
    let rest = pieces.dropFirst()
    switch piece {
    case .text(let text):
      return bytes.starts(with: text) && Self.match(rest, bytes.dropFirst(text.count), &match)
    case .number(let name, let factor, let offset):
      let digits = bytes.prefix { (48...57).contains($0) }
      guard !digits.isEmpty, digits.count <= 6, digits.count == 1 || digits.first != 48,
        let written = Int(String(decoding: digits, as: UTF8.self)), written >= offset,
        (written - offset) % factor == 0
      else { return false }
      let number = (written - offset) / factor
      if let known = match.numbers[name], known != number { return false }
      match.numbers[name] = number
      return Self.match(rest, bytes.dropFirst(digits.count), &match)
    case .suffix(let name):
      let digits = bytes.dropFirst().prefix { (48...57).contains($0) }
      if bytes.first == UInt8(ascii: "_"), let first = digits.first, first != 48, digits.count <= 6,
        let number = Int(String(decoding: digits, as: UTF8.self)),
        match.numbers[name] == nil || match.numbers[name] == number
      {
        var attempt = match
        attempt.numbers[name] = number
        if Self.match(rest, bytes.dropFirst(1 + digits.count), &attempt) {
          match = attempt
          return true
        }
      }
      guard match.numbers[name] == nil || match.numbers[name] == 0 else { return false }
      match.numbers[name] = 0
      return Self.match(rest, bytes, &match)
    case .wildcard(let name):
      let longest = bytes.prefix { $0 != UInt8(ascii: "/") }.count
      // If a slash follows, only the complete part can match.
      var shortest = 1
      if case .text(let next)? = rest.first, next.first == UInt8(ascii: "/") { shortest = max(1, longest) }
      for length in stride(from: longest, through: shortest, by: -1) {
        let value = String(decoding: bytes.prefix(length), as: UTF8.self)
        if let known = match.wildcards[name], known != value { continue }
        var attempt = match
        attempt.wildcards[name] = value
        if Self.match(rest, bytes.dropFirst(length), &attempt) {
          match = attempt
          return true
        }
      }
      return false
    case .anything:
      for length in 0...bytes.count {
        var attempt = match
        if Self.match(rest, bytes.dropFirst(length), &attempt) {
          match = attempt
          return true
        }
      }
      return false
    }
  }

  /// The name for given numbers and wildcards; a missing wildcard stays `{name}`.
  func name(numbers: [String: Int], wildcards: [String: String]) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let bytes): String(decoding: bytes, as: UTF8.self)
      case .number(let name, let factor, let offset):
        numbers[name].map { String($0 * factor + offset) } ?? "{\(name)}"
      case .suffix(let name): numbers[name].map { $0 == 0 ? "" : "_\($0)" } ?? "{_\(name)}"
      case .wildcard(let name): wildcards[name] ?? "{\(name)}"
      case .anything: "*"
      }
    }.joined()
  }
}
