/// Text from files on its way to a terminal.
extension String {
  /// One line of at most 400 characters: control characters, those that turn the direction of writing or take no room, and
  /// bytes that are not UTF-8 escaped, so that a name from a file cannot steer a terminal, forge a line or pass for another.
  package var printable: String {
    cut(to: 400).escaped { scalar in
      // See `fileBytes`.
      if (0xEF80...0xEFFF).contains(scalar.value) {
        return "\\x" + String(scalar.value - 0xEF00, radix: 16).uppercased()
      }
      return scalar.steersTerminals ? scalar.escape : nil
    }
  }

  /// The same for text of several lines and columns that the program itself put together.
  package var printableLines: String {
    escaped { $0 != "\n" && $0 != "\t" && $0.steersTerminals ? $0.escape : nil }
  }

  /// At most so many characters, the middle left out.
  func cut(to limit: Int) -> String {
    guard utf8.count > limit, count > limit else { return self }
    return prefix(limit * 3 / 4) + " ... " + suffix(limit / 4)
  }

  private func escaped(_ escape: (Unicode.Scalar) -> String?) -> String {
    guard unicodeScalars.contains(where: { escape($0) != nil }) else { return self }
    return unicodeScalars.map { escape($0) ?? String($0) }.joined()
  }
}

extension Unicode.Scalar {
  /// Whether it is a control character, turns the direction of writing, takes no room, or breaks lines.
  var steersTerminals: Bool {
    switch value {
    case 0..<0x20, 0x7F...0x9F: true
    case 0xAD, 0x61C, 0x180E, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB: true
    case 0xE0000...0xE007F: true
    default: false
    }
  }

  fileprivate var escape: String { "\\u{" + String(value, radix: 16) + "}" }
}
