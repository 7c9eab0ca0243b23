import Foundation

/// A tensor whose numbers are at hand: any stretch of them, as often as wanted and by any thread. What must be made first
/// (axes permuted, numbers rounded) is made for the stretch alone, so a large tensor never stands in memory twice.
public struct OpenTensor: Sendable {
  /// Stretches begin and end at multiples of this many bytes.
  let grain: Int
  /// Whether a stretch is made anew each time, rather than being a piece of what is in memory already.
  let isMade: Bool
  private let reader: @Sendable (Range<Int>) throws -> Bytes

  init(grain: Int, isMade: Bool, read: @escaping @Sendable (Range<Int>) throws -> Bytes) {
    self.grain = max(1, grain)
    self.isMade = isMade
    reader = read
  }

  /// Numbers that are in memory, or mapped into it.
  init(_ bytes: Bytes, width: Int) {
    self.init(grain: width, isMade: false) { bytes.slice($0.lowerBound, $0.count) }
  }

  /// - Parameter range: bytes of the tensor, little-endian and row-major.
  func read(_ range: Range<Int>) throws -> Bytes { try reader(range) }

  /// About as long as stretches that are made: short enough to stay in a processor's cache until written.
  static let usual = 1 << 18
  /// Rows of a transposed matrix that share their cache lines of the source.
  private static let rowsTogether = 16
  private static let longest = 1 << 23

  /// How long stretches should be, in bytes, all but the last.
  /// - Parameter row: they must begin at multiples of this, too.
  func stretch(of count: Int, row: Int = 1) -> Int {
    guard isMade, count > Self.usual else { return max(1, count) }
    let unit = max(grain, row)
    guard unit.isMultiple(of: grain), unit.isMultiple(of: row), unit < count else { return count }
    let rows = max(Self.usual / unit, min(Self.rowsTogether, Self.longest / unit), 1)
    return min(count, rows * unit)
  }
}
