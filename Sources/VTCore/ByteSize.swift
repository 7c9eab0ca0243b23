import Foundation

/// A size as people write it: `500MB`, `5GB`, or a plain number of bytes; units are powers of ten.
package struct ByteSize: Sendable {
  package let bytes: Int

  /// - Returns: nil where the text is no size above 0.
  package init?(_ text: String) {
    let text = text.uppercased()
    let units = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1), ("", 1)]
    guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Double(text.dropLast(unit.count).trimmingCharacters(in: .whitespaces)), number > 0
    else { return nil }
    let value = number * Double(factor)
    guard value >= 1, value < Double(Int.max) else { return nil }
    bytes = Int(value)
  }
}
