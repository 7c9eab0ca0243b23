import Foundation

/// One range of address space from which large buffers are allocated, best fit first. Freed blocks merge with
/// free neighbours, so that tensors of any sizes share memory. The system backs a page when it is first
/// touched.
struct Arena {
  private struct Block {
    var offset: Int
    var size: Int
    var end: Int { offset + size }
  }

  private let base: UnsafeMutableRawPointer
  private let mapping: (start: UnsafeMutableRawPointer, size: Int)
  private let reserved: Int
  /// Bytes that have been allocated at some time: the arena's high-water mark.
  private(set) var height = 0
  /// By offset; no two are adjacent.
  private var free: [Block] = []
  private static let hugePage = 1 << 21
  private static let granularity = 1 << 12

  /// Reserves one and a half times the physical memory as address space, or half of that, and so on; nil if
  /// the system gives none.
  init?() {
    var size = Int(clamping: ProcessInfo.processInfo.physicalMemory / 2 * 3) / Self.hugePage * Self.hugePage
    #if canImport(Darwin)
      let flags = MAP_PRIVATE | MAP_ANON | MAP_NORESERVE
    #else
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    #endif
    while size >= 1 << 28 {
      if let start = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED {
        mapping = (start, size)
        base = start.alignedUp(toMultipleOf: Self.hugePage)
        reserved = size - (base - start)
        #if os(Linux)
          // Huge pages (advice 14, MADV_HUGEPAGE): fewer page faults and address-translation misses.
          madvise(base, reserved, 14)
        #endif
        return
      }
      size /= 2
    }
    return nil
  }

  func unmap() { munmap(mapping.start, mapping.size) }

  func contains(_ buffer: UnsafeMutableRawPointer) -> Bool {
    buffer >= base && buffer < base + reserved
  }

  static func rounded(_ bytes: Int) -> Int {
    (bytes + granularity - 1) / granularity * granularity
  }

  /// - Parameter size: a rounded size.
  /// - Returns: nil if the arena is full.
  mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
    var best: Int?
    for (index, block) in free.enumerated() where block.size >= size {
      if let b = best, free[b].size <= block.size { continue }
      best = index
      if block.size == size { break }
    }
    if let best {
      let offset = free[best].offset
      free[best].offset += size
      free[best].size -= size
      if free[best].size == 0 { free.remove(at: best) }
      return base + offset
    }
    // A free block at the top grows; otherwise a new one begins there.
    var offset = height
    if let last = free.last, last.end == height { offset = last.offset }
    guard size <= reserved - offset else { return nil }
    if offset < height { free.removeLast() }
    height = offset + size
    return base + offset
  }

  mutating func give(_ buffer: UnsafeMutableRawPointer, size: Int) {
    let offset = buffer - base
    var (low, high) = (0, free.count)
    while low < high {
      let middle = (low + high) / 2
      if free[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    var block = Block(offset: offset, size: size)
    if low < free.count, free[low].offset == block.end { block.size += free.remove(at: low).size }
    if low > 0, free[low - 1].end == offset {
      free[low - 1].size += block.size
    } else {
      free.insert(block, at: low)
    }
  }
}
