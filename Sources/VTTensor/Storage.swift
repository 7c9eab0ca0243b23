/// A run of float32 numbers on one device; its memory goes back to the pool with the last reference.
public final class Storage {
  public let device: Device
  /// Number of floats.
  public let count: Int
  private let raw: UnsafeMutableRawPointer
  private let capacity: Int
  private let pool: BufferPool

  /// The numbers hold whatever the memory held before.
  init(count: Int, pool: BufferPool, device: Device = .cpu) {
    self.count = count
    self.device = device
    self.pool = pool
    (raw, capacity) = pool.take(bytes: count * MemoryLayout<Float>.stride)
  }

  deinit { pool.give(raw, capacity: capacity) }

  /// The numbers themselves, valid while this storage is referenced. CPU only.
  public var floats: UnsafeMutablePointer<Float> {
    raw.assumingMemoryBound(to: Float.self)
  }

  public func fill(_ value: Float) { floats.update(repeating: value, count: count) }
}
