import Foundation
import Synchronization

/// Keeps the memory of freed tensors, so that training steps after the first allocate nothing from the
/// system.
package final class BufferPool: @unchecked Sendable {
  // `lock` guards everything mutable.
  private let lock = Mutex<Void>(())
  /// Small buffers, by capacity.
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private var arena = Arena()
  private var taken = 0

  /// Bytes allocated from the system so far, in use or free.
  package var bytesFromSystem: Int { lock.withLock { _ in outside + (arena?.height ?? 0) } }
  private var outside = 0
  /// Number of allocations from the system.
  package private(set) var systemRequests = 0
  /// Bytes in use now.
  package var bytesInUse: Int { lock.withLock { _ in taken } }

  /// Smaller buffers are kept by size: cutting them from the arena would fragment it.
  private static let smallest = 1 << 16

  package init() {}

  deinit {
    for (_, buffers) in free { for buffer in buffers { Foundation.free(buffer) } }
    arena?.unmap()
  }

  /// Sizes of small buffers are rounded up to an eighth of their power of two, so that nearly equal tensors
  /// share them.
  static func capacity(bytes: Int) -> Int {
    if bytes >= smallest { return Arena.rounded(bytes) }
    let wanted = max(bytes, 256)
    let power = 1 << (Int.bitWidth - 1 - wanted.leadingZeroBitCount)
    let step = max(power / 8, 64)
    return (wanted + step - 1) / step * step
  }

  func take(bytes: Int) -> (UnsafeMutableRawPointer, capacity: Int) {
    let capacity = Self.capacity(bytes: bytes)
    return lock.withLock { _ in
      taken += capacity
      if let buffer = free[capacity]?.popLast() { return (buffer, capacity) }
      if capacity >= Self.smallest {
        let before = arena?.height ?? 0
        if let buffer = arena?.take(capacity) {
          if (arena?.height ?? 0) > before { systemRequests += 1 }
          return (buffer, capacity)
        }
      }
      outside += capacity
      systemRequests += 1
      var buffer: UnsafeMutableRawPointer?
      guard posix_memalign(&buffer, 64, capacity) == 0, let buffer else {
        MemoryShortage.report(wanted: capacity, inUse: taken - capacity)
      }
      return (buffer, capacity)
    }
  }

  func give(_ buffer: UnsafeMutableRawPointer, capacity: Int) {
    lock.withLock { _ in
      taken -= capacity
      if arena?.contains(buffer) == true {
        arena?.give(buffer, size: capacity)
      } else {
        free[capacity, default: []].append(buffer)
      }
    }
  }
}
