import VTCore

/// Elements of one type in the memory of one backend, which creates it and subclasses this. The memory is
/// reused after the last reference is gone.
package class Storage {
  package let type: ElementType
  /// Number of elements.
  package let count: Int
  let backend: any Backend

  init(_ type: ElementType, count: Int, backend: any Backend) {
    self.type = type
    self.count = count
    self.backend = backend
  }

  package var byteCount: Int { count * type.width }

  /// The values, copied to the host.
  package var values: [Float] { read(.f32) }
  package var doubles: [Double] { read(.f64) }

  /// Copies values from the host.
  package func write(_ values: [Float]) { write(values, .f32) }
  package func write(_ values: [Int32]) { write(values, .i32) }
  package func write(_ values: [UInt32]) { write(values, .u32) }

  private func read<T: BitwiseCopyable>(_ type: ElementType) -> [T] {
    precondition(type == self.type, "\(self.type) read as \(type)")
    return [T](unsafeUninitializedCapacity: count) { buffer, filled in
      backend.read(self, into: UnsafeMutableRawBufferPointer(buffer))
      filled = count
    }
  }

  private func write<T: BitwiseCopyable>(_ values: [T], _ type: ElementType) {
    precondition(
      type == self.type && values.count == count, "\(values.count) of \(type) over \(count) of \(self.type)")
    values.withUnsafeBytes { backend.write($0, to: self) }
  }
}
