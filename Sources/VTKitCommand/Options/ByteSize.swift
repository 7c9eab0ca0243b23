import ArgumentParser
import Foundation

/// A size as people write it: `500MB`, `5GB`, or a plain number of bytes; units are powers of ten.
struct ByteSize: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let text = argument.uppercased()
    let units = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1), ("", 1)]
    guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Double(text.dropLast(unit.count).trimmingCharacters(in: .whitespaces)), number > 0
    else { return nil }
    let value = number * Double(factor)
    guard value >= 1, value < Double(Int.max) else { return nil }
    bytes = Int(value)
  }
}
