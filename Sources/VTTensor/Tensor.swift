import VTCore

/// A row-major array with channels last: tokens are `[batch, tokens, channels]`, images `[batch, height,
/// width, channels]`. Float32 unless `type` says otherwise. A tensor belongs to one task.
///
/// A referenced tensor's buffer stays in memory. Once the tensor is dropped, the tape's `MemoryPolicy` may
/// release the buffer until the backward pass reads it.
public final class Tensor {
  let value: Value
  /// The tensor whose buffer this one shares; it is in use as long as this one is.
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
  /// Whether `backward` computes a gradient for it.
  package var needsGradient: Bool { value.needsGradient }
  package var storage: Storage { value.storage }

  /// Length of the last axis; 1 for a scalar.
  package var channels: Int { shape.last ?? 1 }
  /// Number of rows: the product of all axes but the last.
  package var rows: Int { channels == 0 ? 0 : count / channels }

  /// The values, copied to the host.
  public var values: [Float] { storage.values }

  /// Overwrites the values.
  /// - Precondition: `values` has as many elements as the tensor.
  package func write(_ values: [Float]) { storage.write(values) }

  /// A trainable copy of `values`.
  package static func parameter(_ values: [Float], _ shape: [Int], engine: Engine) -> Tensor {
    Tensor(Value(shape, engine.tensor(values, shape).storage, needsGradient: true))
  }

  /// A frozen parameter.
  package static func frozen(_ values: [Float], _ shape: [Int], engine: Engine) -> Tensor {
    engine.tensor(values, shape)
  }

  /// The gradient of the last `backward`; nil if it has none.
  package var gradient: Storage? { value.gradient }

  /// The gradient's values, copied to the host; zeros if it has none.
  package var gradientValues: [Float] {
    gradient?.values ?? [Float](repeating: 0, count: count)
  }

  /// Drops the gradient; its memory is reused.
  package func clearGradient() { value.clearGradient() }
}
