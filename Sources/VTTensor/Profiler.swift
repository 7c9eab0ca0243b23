/// Times operations: how long the forward and the backward pass of each kind took, what they moved and multiplied.
/// Give one to an engine to switch it on; it belongs to the engine's task.
package final class Profiler {
  /// What is told apart: a kind of operation, its sizes, and the direction.
  package struct Key: Hashable, Sendable {
    package let name: String
    /// The sizes, for people.
    package let detail: String
    package let isBackward: Bool
  }

  package struct Figures: Sendable {
    package var calls = 0
    /// Without what nested operations took (a recomputed block's).
    package var seconds = 0.0
    /// Bytes of the operands: each tensor read or written counts once, whatever caches hold.
    package var bytes = 0
    /// Floating-point operations of matrix products.
    package var flops = 0

    package init() {}

    package static func + (a: Figures, b: Figures) -> Figures {
      var sum = a
      sum.calls += b.calls
      sum.seconds += b.seconds
      sum.bytes += b.bytes
      sum.flops += b.flops
      return sum
    }
  }

  package private(set) var figures: [Key: Figures] = [:]
  private let clock = ContinuousClock()
  /// Seconds and matrix operations of operations inside the one that runs.
  private var nested = (seconds: 0.0, flops: 0)

  package init() {}

  /// Forgets everything measured so far.
  package func reset() { figures = [:] }

  /// Runs `body` and adds what it took to the figures of `key`.
  func measure<T>(_ key: Key, bytes: Int, _ engine: Engine, _ body: () throws -> T) rethrows -> T {
    let outer = nested
    nested = (0, 0)
    let operations = engine.flops
    let began = clock.now
    defer {
      let time = began.duration(to: clock.now).components
      let seconds = Double(time.seconds) + Double(time.attoseconds) * 1e-18
      let multiplied = engine.flops - operations
      var own = Figures()
      own.calls = 1
      own.seconds = seconds - nested.seconds
      own.bytes = bytes
      own.flops = multiplied - nested.flops
      figures[key] = figures[key, default: Figures()] + own
      nested = (outer.seconds + seconds, outer.flops + multiplied)
    }
    return try body()
  }
}

/// An operation as the profiler sees it.
struct Operation {
  let name: String
  let detail: String
  let forwardBytes: Int
  let backwardBytes: Int
}

extension Tape {
  /// The description of an operation about to run; nil, and nothing is computed, where nobody profiles.
  /// - Parameters:
  ///   - inputs: all tensors that the operation reads.
  ///   - output: what it writes.
  func operation(_ name: String, _ inputs: [Tensor?], _ output: Tensor) -> Operation? {
    guard engine.profiler != nil else { return nil }
    var seen: Set<ObjectIdentifier> = []
    let present = inputs.compactMap { $0 }.filter { seen.insert(ObjectIdentifier($0)).inserted }
    let read = present.reduce(0) { $0 + $1.count }
    let gradients = present.reduce(0) { $0 + ($1.needsGradient ? $1.count : 0) }
    let sizes = (present.prefix(2).map(\.shape) + [output.shape]).map { shape in
      shape.map(String.init).joined(separator: "x")
    }
    let size = MemoryLayout<Float>.stride
    return Operation(
      name: name, detail: sizes.dropLast().joined(separator: ", ") + " -> " + (sizes.last ?? ""),
      forwardBytes: (read + output.count) * size,
      backwardBytes: (read + output.count + gradients) * size)
  }

  /// Runs the forward kernels of `operation`.
  func forward(_ operation: Operation?, _ body: () -> Void) {
    guard let operation, let profiler = engine.profiler else { return body() }
    let key = Profiler.Key(name: operation.name, detail: operation.detail, isBackward: false)
    profiler.measure(key, bytes: operation.forwardBytes, engine, body)
  }

  /// Records the backward pass of `operation`.
  func record(_ operation: Operation?, _ step: @escaping () -> Void) {
    guard let operation, let profiler = engine.profiler else { return record(step) }
    let key = Profiler.Key(name: operation.name, detail: operation.detail, isBackward: true)
    record { [engine] in
      profiler.measure(key, bytes: operation.backwardBytes, engine, step)
    }
  }
}

extension Engine {
  /// Runs work that is no operation on tensors (an optimizer's update) under a name of its own.
  /// - Parameter bytes: what it reads and writes.
  package func profiled<T>(_ name: String, bytes: Int, _ body: () throws -> T) rethrows -> T {
    guard let profiler else { return try body() }
    let key = Profiler.Key(name: name, detail: "", isBackward: false)
    return try profiler.measure(key, bytes: bytes, self, body)
  }
}
