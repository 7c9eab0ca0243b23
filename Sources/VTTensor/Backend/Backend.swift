import VTCore

/// The seam between operations and a device: everything that touches numbers.
///
/// What differs from one step to the next crosses it as storage; Swift values are the same in every step of a run. Each
/// gradient adds to its target where `accumulate` says so. Implementations give the same bits for any number of threads.
package protocol Backend: AnyObject, MemoryBackend, ElementwiseBackend, LinearBackend, AttentionBackend,
  TokenBackend,
  ConvolutionBackend, LayerNormBackend, BatchNormBackend, GroupNormBackend, LossBackend, OptimizerBackend
{}

/// Makes storage, and moves numbers between it and the host.
package protocol MemoryBackend {
  /// False where storages are only counted.
  var holdsNumbers: Bool { get }
  /// A buffer of undefined numbers.
  func allocate(_ count: Int, _ type: ElementType) -> Storage
  func fill(_ x: Storage, with value: Float)
  /// Copies all numbers of `x` from the host.
  func write(_ numbers: UnsafeRawBufferPointer, to x: Storage)
  /// Copies all numbers of `x` to the host, once they are there.
  func read(_ x: Storage, into numbers: UnsafeMutableRawBufferPointer)
}

/// Where a gradient goes.
package struct GradientTarget {
  package let storage: Storage
  package let accumulate: Bool
}

extension MemoryBackend {
  package var holdsNumbers: Bool { true }
}
