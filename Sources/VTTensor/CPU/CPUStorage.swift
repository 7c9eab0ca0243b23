import VTCore

/// Storage in this machine's memory, which returns to the pool with the last reference.
final class CPUStorage: Storage {
  fileprivate let memory: UnsafeMutableRawPointer
  private let capacity: Int
  private let pool: BufferPool

  init(_ type: ElementType, count: Int, backend: CPUBackend) {
    pool = backend.buffers
    (memory, capacity) = pool.take(bytes: count * type.width)
    super.init(type, count: count, backend: backend)
  }

  deinit { pool.give(memory, capacity: capacity) }
}

extension Storage {
  /// The elements, valid while this storage is referenced. For this machine's kernels only.
  var floats: UnsafeMutablePointer<Float> { address.assumingMemoryBound(to: Float.self) }
  var integers: UnsafeMutablePointer<Int32> { address.assumingMemoryBound(to: Int32.self) }
  var words: UnsafeMutablePointer<UInt32> { address.assumingMemoryBound(to: UInt32.self) }
  var doubleFloats: UnsafeMutablePointer<Double> { address.assumingMemoryBound(to: Double.self) }

  var address: UnsafeMutableRawPointer {
    guard let own = self as? CPUStorage else { preconditionFailure("storage of another backend") }
    return own.memory
  }
}

extension CPUBackend {
  func allocate(_ count: Int, _ type: ElementType) -> Storage {
    CPUStorage(type, count: count, backend: self)
  }

  /// Scratch memory that returns to the pool with the returned object.
  func scratch(_ count: Int) -> Storage { CPUStorage(.f32, count: max(count, 1), backend: self) }

  func fill(_ x: Storage, with value: Float) {
    if x.type == .f64 {
      x.doubleFloats.update(repeating: Double(value), count: x.count)
    } else {
      x.floats.update(repeating: value, count: x.count)
    }
  }

  func write(_ numbers: UnsafeRawBufferPointer, to x: Storage) {
    guard let source = numbers.baseAddress else { return }
    x.address.copyMemory(from: source, byteCount: x.byteCount)
  }

  func read(_ x: Storage, into numbers: UnsafeMutableRawBufferPointer) {
    numbers.baseAddress?.copyMemory(from: x.address, byteCount: x.byteCount)
  }
}
