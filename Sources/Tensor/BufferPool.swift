import Foundation
import Synchronization

/// Keeps the memory of tensors that are gone, so that a training step takes nothing from the
/// system once the first has run.
public final class BufferPool: @unchecked Sendable {
  // `lock` guards everything mutable.
  private let lock = Mutex<Void>(())
  private var free: [Int: [UnsafeMutableRawPointer]] = [:]
  private var taken = 0

  /// Bytes taken from the system so far, in use or waiting.
  public private(set) var bytesFromSystem = 0
  /// How often the system was asked for memory.
  public private(set) var systemRequests = 0
  /// Bytes in use now.
  public var bytesInUse: Int { lock.withLock { _ in taken } }

  public init() {}

  deinit {
    for (_, buffers) in free { for buffer in buffers { buffer.deallocate() } }
  }

  /// Sizes step by an eighth of their power of two, so that nearly equal tensors share buffers.
  static func capacity(bytes: Int) -> Int {
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
      bytesFromSystem += capacity
      systemRequests += 1
      let large = capacity >= 1 << 21
      let buffer = UnsafeMutableRawPointer.allocate(
        byteCount: capacity, alignment: large ? 1 << 21 : 64)
      #if os(Linux)
        // Large buffers on huge pages (advice 14, MADV_HUGEPAGE): fewer page faults and
        // address-translation misses.
        if large { madvise(buffer, capacity, 14) }
      #endif
      return (buffer, capacity)
    }
  }

  func give(_ buffer: UnsafeMutableRawPointer, capacity: Int) {
    lock.withLock { _ in
      taken -= capacity
      free[capacity, default: []].append(buffer)
    }
  }
}
