import Testing
import TestSupport
import VTCore

@testable import VTTensor

struct ArenaTests {
  /// Random takes and gives: no two buffers overlap, what is given back is used again, and in the end all is one.
  @Test func buffersNeverOverlapAndJoinAgain() throws {
    var arena = try #require(Arena())
    defer { arena.unmap() }
    var generator = RandomKey(seed: 3, purpose: .synthetic).generator()
    var live: [(start: UnsafeMutableRawPointer, size: Int)] = []
    var inUse = 0
    for _ in 0..<2000 {
      if live.count > 40 || (generator.below(3) == 0 && !live.isEmpty) {
        let (start, size) = live.remove(at: generator.below(live.count))
        arena.give(start, size: size)
        inUse -= size
      } else {
        let size = Arena.rounded(1 + generator.below(1 << 20))
        let taken = arena.take(size)
        let start = try #require(taken)
        #expect(arena.contains(start))
        for other in live { #expect(start + size <= other.start || other.start + other.size <= start) }
        // Both ends can be written.
        start.storeBytes(of: 1, as: UInt8.self)
        (start + size - 1).storeBytes(of: 1, as: UInt8.self)
        live.append((start, size))
        inUse += size
      }
      #expect(arena.height >= inUse)
    }
    for (start, size) in live { arena.give(start, size: size) }
    let height = arena.height
    let taken = arena.take(height)
    let all = try #require(taken)
    #expect(arena.height == height)
    arena.give(all, size: height)
  }

  @Test func bestFitIsTaken() throws {
    var arena = try #require(Arena())
    defer { arena.unmap() }
    let page = Arena.rounded(1)
    let buffers = [3, 1, 2, 1, 5, 1].compactMap { arena.take($0 * page) }
    try #require(buffers.count == 6)
    for (index, pages) in [(0, 3), (2, 2), (4, 5)] { arena.give(buffers[index], size: pages * page) }
    let again = [2, 2, 1, 5].map { arena.take($0 * page) }
    #expect(again == [buffers[2], buffers[0], buffers[0] + 2 * page, buffers[4]])
  }
}
