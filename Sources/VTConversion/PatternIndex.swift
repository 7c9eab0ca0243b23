/// Finds the patterns that a name may match without trying all of them.
///
/// Patterns are indexed by the last two parts of the names they match (`qkv.weight`), without numbers. A
/// pattern whose last two parts are not fixed, because a wildcard gives them, is listed under every key. A
/// name is tried only against the patterns of its own key, in their order.
struct PatternIndex: Sendable {
  private var places: [UInt64: [Int]] = [:]
  /// Indices of the patterns listed under every key.
  private var everywhere: [Int] = []

  init(_ patterns: [NamePattern]) {
    let keys = patterns.map(\.ending.key)
    for key in Set(keys.compactMap(\.self)) { places[key] = [] }
    for (place, key) in keys.enumerated() {
      if let key {
        places[key]?.append(place)
      } else {
        everywhere.append(place)
        for key in places.keys { places[key]?.append(place) }
      }
    }
  }

  /// The indices of the patterns that may match, in order; no other pattern can.
  func candidates(_ name: [UInt8]) -> [Int] {
    var ending = NameEnding()
    ending.add(name)
    return places[ending.hash] ?? everywhere
  }
}

/// A hash of a name's last two parts, read from the end. Digits are skipped, as is an underscore directly
/// before them: Keras numbers layers that way, and omits the first number.
struct NameEnding {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private var separators = 0
  private var isAfterDigit = false
  /// Whether variable text precedes.
  private var isOpen = false

  /// nil if the last two parts include variable text.
  var key: UInt64? { isOpen ? nil : hash }

  /// Prepends text to what has been added.
  mutating func add(_ text: [UInt8]) {
    for byte in text.reversed() {
      if separators == 2 || isOpen { return }
      let isDigit = (48...57).contains(byte)
      defer { isAfterDigit = isDigit }
      if isDigit || isAfterDigit && byte == UInt8(ascii: "_") { continue }
      if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "/") { separators += 1 }
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
  }

  /// Prepends a number.
  mutating func addNumber() { isAfterDigit = true }

  /// Prepends unknown text.
  mutating func addAnything() {
    if separators < 2 { isOpen = true }
  }
}

extension NamePattern {
  /// The common ending of the names that the pattern matches.
  var ending: NameEnding {
    var ending = NameEnding()
    for piece in pieces.reversed() {
      switch piece {
      case .text(let text): ending.add(text)
      case .number: ending.addNumber()
      // Empty, or a number with its underscore: both are skipped.
      case .suffix: break
      case .wildcard, .anything: ending.addAnything()
      }
    }
    return ending
  }
}
