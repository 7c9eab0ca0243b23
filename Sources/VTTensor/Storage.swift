/// A run of float32 numbers on one device; its memory goes back to the pool with the last reference.
package final class Storage {
  package let device: Device
  /// Number of floats.
  package let count: Int
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
  package var floats: UnsafeMutablePointer<Float> {
    raw.assumingMemoryBound(to: Float.self)
  }

  package func fill(_ value: Float) { floats.update(repeating: value, count: count) }
}
