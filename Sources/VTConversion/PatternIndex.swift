/// Which of many patterns a name may match, found without trying them all.
///
/// Patterns are filed by the last two parts of the names that they take (`qkv.weight`), numbers left out. A pattern whose
/// last two parts are not fixed, because a wildcard gives them, is filed under every key. A name is tried on the patterns
/// of its own key only, in their order.
struct PatternIndex: Sendable {
  private var places: [UInt64: [Int]] = [:]
  /// Places of the patterns that are filed everywhere.
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

  /// The places of the patterns that may match, in order; of all others it is sure that they do not.
  func candidates(_ name: [UInt8]) -> [Int] {
    var ending = NameEnding()
    ending.add(name)
    return places[ending.hash] ?? everywhere
  }
}

/// A hash of a name's last two parts, read from the end. Digits count for nothing, nor does an underscore right before
/// them: Keras numbers layers so, and gives the first no number.
struct NameEnding {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private var separators = 0
  private var isAfterDigit = false
  /// Whether what comes before has no fixed text.
  private var isOpen = false

  /// nil where text that is not fixed belongs to the last two parts.
  var key: UInt64? { isOpen ? nil : hash }

  /// Text that stands before all that was added.
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

  /// A number stands before all that was added.
  mutating func addNumber() { isAfterDigit = true }

  /// Text that is not known stands before all that was added.
  mutating func addAnything() {
    if separators < 2 { isOpen = true }
  }
}

extension NamePattern {
  /// What the names that the pattern takes have in common at their end.
  var ending: NameEnding {
    var ending = NameEnding()
    for piece in pieces.reversed() {
      switch piece {
      case .text(let text): ending.add(text)
      case .number: ending.addNumber()
      // Nothing, or a number with its underscore: both count for nothing.
      case .suffix: break
      case .wildcard, .anything: ending.addAnything()
      }
    }
    return ending
  }
}
