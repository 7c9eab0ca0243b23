import Foundation

/// Reads any chunk of a tensor, as often as wanted and from any thread. What must be computed first (axes permuted, numbers
/// rounded) is computed for the chunk alone, so that no large tensor is held in memory twice.
package struct TensorReader: Sendable {
  /// Chunks begin and end at multiples of this many bytes.
  let granularity: Int
  /// Whether each chunk is computed, rather than being a slice of what is in memory already.
  let isComputed: Bool
  private let reader: @Sendable (Range<Int>) throws -> Bytes

  init(granularity: Int, isComputed: Bool, read: @escaping @Sendable (Range<Int>) throws -> Bytes) {
    self.granularity = max(1, granularity)
    self.isComputed = isComputed
    reader = read
  }

  /// Numbers that are in memory, or mapped into it.
  init(_ bytes: Bytes, width: Int) {
    self.init(granularity: width, isComputed: false) { bytes.slice($0.lowerBound, $0.count) }
  }

  /// - Parameter range: bytes of the tensor, little-endian and row-major.
  func read(_ range: Range<Int>) throws -> Bytes { try reader(range) }

  /// About as long as computed chunks: short enough to stay in a processor's cache until written.
  static let usual = 1 << 18
  /// Rows of a transposed matrix that share their cache lines of the source.
  private static let rowsTogether = 16
  private static let longest = 1 << 23

  /// How long chunks should be, in bytes, all but the last.
  /// - Parameter row: they must begin at multiples of this, too.
  func chunk(of count: Int, row: Int = 1) -> Int {
    guard isComputed, count > Self.usual else { return max(1, count) }
    let unit = max(granularity, row)
    guard unit.isMultiple(of: granularity), unit.isMultiple(of: row), unit < count else { return count }
    let rows = max(Self.usual / unit, min(Self.rowsTogether, Self.longest / unit), 1)
    return min(count, rows * unit)
  }
}
