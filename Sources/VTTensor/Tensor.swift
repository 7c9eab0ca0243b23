import VTCore

/// An array of numbers, row-major, tokens-last: tokens are `[batch, tokens, channels]`, images
/// `[batch, height, width, channels]`. Float32 unless `type` says otherwise. A tensor belongs to one task.
///
/// While it is in use, its numbers stay in memory. Once it is dropped, the tape's `MemoryPolicy` may release them until
/// the backward pass reads them.
public final class Tensor {
  let value: Value
  /// The tensor whose buffer this one shares: in use as long as this one is.
  private let viewed: Tensor?

  init(_ value: Value, viewing viewed: Tensor? = nil) {
    self.value = value
    self.viewed = viewed
  }

  deinit { value.release() }

  /// The lengths of its axes.
  public var shape: [Int] { value.shape }
  /// Number of elements.
  package var count: Int { value.count }
  package var type: ElementType { value.type }
  /// Whether `backward` should bring a gradient here.
  package var needsGradient: Bool { value.needsGradient }
  package var storage: Storage { value.storage }

  /// Length of the last axis; 1 for a scalar.
  package var channels: Int { shape.last ?? 1 }
  /// Number of rows: the product of all axes but the last.
  package var rows: Int { channels == 0 ? 0 : count / channels }

  /// The numbers, copied to the host.
  public var values: [Float] { storage.values }

  /// Overwrites the numbers.
  /// - Precondition: as many of them.
  package func write(_ values: [Float]) { storage.write(values) }

  /// A trainable copy of `values`.
  package static func parameter(_ values: [Float], _ shape: [Int], engine: Engine) -> Tensor {
    Tensor(Value(shape, engine.tensor(values, shape).storage, needsGradient: true))
  }

  /// A parameter that training leaves alone.
  package static func frozen(_ values: [Float], _ shape: [Int], engine: Engine) -> Tensor {
    engine.tensor(values, shape)
  }

  /// The gradient of the last `backward`, or nil where none arrived.
  package var gradient: Storage? { value.gradient }

  /// The gradient's numbers, copied to the host; zeros where none arrived.
  package var gradientValues: [Float] {
    gradient?.values ?? [Float](repeating: 0, count: count)
  }

  /// Forgets the gradient, whose memory then serves others.
  package func clearGradient() { value.clearGradient() }
}
