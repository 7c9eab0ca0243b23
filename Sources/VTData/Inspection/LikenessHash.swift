import VTCore

/// What an image looks like from far away: which of two neighbours is lighter in a grid of 9 x 9 gray cells, across and
/// down (the difference hash, 128 bits), and the mean colours of 9 x 9 cells.
package struct LikenessHash: Sendable {
  /// 64 bits across, 64 down.
  private let across: UInt64
  private let down: UInt64
  /// Which bits compare cells that differ: in front of a plain background, the others are the same in all images.
  private let tellsAcross: UInt64
  private let tellsDown: UInt64
  private let cells: [UInt8]
  /// Whether its cells differ enough for a comparison to mean something.
  let hasDetail: Bool

  private static let side = 9
  /// Bits in which near duplicates differ at most. With fewer than 16, one of the eight runs of 16 bits is the same in
  /// both but for one bit, by which they are found.
  package static let mostBits = 15
  /// What the colours of their cells differ by on average at most, of 255.
  package static let mostLevels = 20.0
  private static let leastRange = 16
  /// Gray levels by which cells differ that tell something.
  private static let leastStep = 2

  package static let method =
    "difference hash of 9 x 9 cells: at most \(mostBits) of 128 bits differ and one in eight of those between unlike cells, and cells differ by at most \(Int(mostLevels)) of 255 levels on average"

  /// - Throws: `Failure` where memory is short.
  init(_ image: Image) throws {
    let small = try image.resized(width: Self.side, height: Self.side, .bilinear)
    let cells = small.pixels
    let gray = stride(from: 0, to: cells.count, by: 3).map {
      Int(cells[$0]) * 299 + Int(cells[$0 + 1]) * 587 + Int(cells[$0 + 2]) * 114
    }
    var (across, down, tellsAcross, tellsDown): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    for y in 0..<Self.side - 1 {
      for x in 0..<Self.side - 1 {
        let at = y * Self.side + x
        let (right, below) = (gray[at + 1] - gray[at], gray[at + Self.side] - gray[at])
        across = across << 1 | (right > 0 ? 1 : 0)
        down = down << 1 | (below > 0 ? 1 : 0)
        tellsAcross = tellsAcross << 1 | (abs(right) >= Self.leastStep * 1000 ? 1 : 0)
        tellsDown = tellsDown << 1 | (abs(below) >= Self.leastStep * 1000 ? 1 : 0)
      }
    }
    (self.across, self.down, self.cells) = (across, down, cells)
    (self.tellsAcross, self.tellsDown) = (tellsAcross, tellsDown)
    hasDetail = (gray.max() ?? 0) - (gray.min() ?? 0) >= Self.leastRange * 1000
  }

  /// The eight runs of 16 bits, each with its number in front.
  var runs: [UInt32] {
    (0..<8).map { place in
      UInt32(place) << 16
        | UInt32(UInt16(truncatingIfNeeded: (place < 4 ? across : down) >> UInt64(16 * (place % 4))))
    }
  }

  /// The runs that a near duplicate may have one of: its own, and those with one other bit.
  var likelyRuns: [UInt32] { runs.flatMap { run in [run] + (0..<16).map { run ^ 1 << UInt32($0) } } }

  /// Bits that differ, where the images are near duplicates.
  func difference(_ other: LikenessHash) -> Int? {
    let bits = (across ^ other.across).nonzeroBitCount + (down ^ other.down).nonzeroBitCount
    let telling =
      (tellsAcross | other.tellsAcross).nonzeroBitCount + (tellsDown | other.tellsDown).nonzeroBitCount
    guard bits <= Self.mostBits, bits * 8 <= telling else { return nil }
    let sum = zip(cells, other.cells).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    return Double(sum) <= Self.mostLevels * Double(cells.count) ? bits : nil
  }
}
