import VTCore

/// The seam between operations and a device: all access to tensor data.
///
/// What differs from one step to the next crosses it as storage; Swift values are the same in every step of a
/// run. Each gradient is added to its target if `accumulate` is set. Implementations give the same bits for
/// any number of threads.
package protocol Backend: AnyObject, MemoryBackend, ElementwiseBackend, LinearBackend, AttentionBackend,
  TokenBackend,
  ConvolutionBackend, LayerNormBackend, BatchNormBackend, GroupNormBackend, LossBackend, OptimizerBackend
{}

/// Allocates storage and copies data between it and the host.
package protocol MemoryBackend {
  /// False where storages are only counted.
  var holdsNumbers: Bool { get }
  /// An uninitialized buffer.
  func allocate(_ count: Int, _ type: ElementType) -> Storage
  func fill(_ x: Storage, with value: Float)
  /// Copies all elements of `x` from the host.
  func write(_ numbers: UnsafeRawBufferPointer, to x: Storage)
  /// Copies all elements of `x` to the host, once they are computed.
  func read(_ x: Storage, into numbers: UnsafeMutableRawBufferPointer)
}

/// Where a gradient is written.
package struct GradientTarget {
  package let storage: Storage
  package let accumulate: Bool
}

extension MemoryBackend {
  package var holdsNumbers: Bool { true }
}
