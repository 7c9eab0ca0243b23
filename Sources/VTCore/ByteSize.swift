import Foundation

/// A size as people write it: `500MB`, `5GB`, or a plain number of bytes; units are powers of ten.
package struct ByteSize: Sendable {
  package let bytes: Int

  /// - Returns: nil if the text is not a positive size.
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

  /// For people: `512 B`, `86.6 MB`.
  package static func text(_ bytes: Int) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var (size, unit) = (Double(bytes), 0)
    while size >= 1000, unit < units.count - 1 {
      size /= 1000
      unit += 1
    }
    if unit == 0 { return "\(bytes) B" }
    return Format.fixed(size, size < 10 ? 2 : size < 100 ? 1 : 0) + " " + units[unit]
  }

  /// As an option's value that is at least so much: `87MB`.
  package static func option(_ bytes: Int) -> String {
    bytes < 1_000_000 ? "\((bytes + 999) / 1000)KB" : "\((bytes + 999_999) / 1_000_000)MB"
  }
}
