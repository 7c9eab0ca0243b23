/// Numbers of any count of bits, in sequence, the highest bit first.
struct HDF5BitReader {
  private let bytes: UnsafeRawBufferPointer
  private var next = 0
  private var held: UInt64 = 0
  private var heldCount = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// - Parameter count: 0 to 64.
  /// - Precondition: as many bits are left; callers check the complete length first. (Zeros follow the end.)
  mutating func read(_ count: Int) -> UInt64 {
    guard count > 56 else { return short(count) }
    let high = short(count - 32)
    return high << 32 | short(32)
  }

  /// Up to 56 bits: with up to 7 left over they fit into `held`.
  private mutating func short(_ count: Int) -> UInt64 {
    while heldCount < count {
      held = held << 8 | (next < bytes.count ? UInt64(bytes[next]) : 0)
      next += 1
      heldCount += 8
    }
    heldCount -= count
    return held >> UInt64(heldCount) & (1 << UInt64(count) - 1)
  }
}
