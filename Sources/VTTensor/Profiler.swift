/// Times operations: how long the forward and backward pass of each kind took, the bytes they moved and their
/// FLOPs. Set on an engine to enable it; it belongs to the engine's task.
package final class Profiler {
  /// Measurements are grouped by operation, shapes and direction.
  package struct Key: Hashable, Sendable {
    package let name: String
    /// The shapes, for display.
    package let detail: String
    package let isBackward: Bool
  }

  package struct Figures: Sendable {
    package var calls = 0
    /// Excludes nested operations (those of a recomputed block).
    package var seconds = 0.0
    /// Bytes of the operands: each tensor read or written counts once, whatever the caches hold.
    package var bytes = 0
    /// FLOPs of matrix products.
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
  /// Seconds and FLOPs of operations nested in the running one.
  private var nested = (seconds: 0.0, flops: 0)

  package init() {}

  /// Discards all measurements.
  package func reset() { figures = [:] }

  /// Runs `body` and adds its measurements to those of `key`.
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
struct OperationProfile {
  let profiler: Profiler
  let name: String
  let detail: String
  let forwardBytes: Int
  let backwardBytes: Int

  init(_ profiler: Profiler, _ operation: some Operation, _ inputs: [Value?], _ result: Value) {
    var seen: Set<ObjectIdentifier> = []
    let present = inputs.compactMap { $0 }.filter { seen.insert(ObjectIdentifier($0)).inserted }
    let read = present.reduce(0) { $0 + $1.count * $1.type.width }
    let gradients = present.reduce(0) { $0 + ($1.needsGradient ? $1.count * $1.type.width : 0) }
    let written = result.count * result.type.width
    let sizes = (present.prefix(2).map(\.shape) + [result.shape]).map { shape in
      shape.map(String.init).joined(separator: "x")
    }
    self.profiler = profiler
    name = type(of: operation).name
    detail = sizes.dropLast().joined(separator: ", ") + " -> " + (sizes.last ?? "")
    forwardBytes = read + written
    backwardBytes = read + written + gradients
  }
}

extension OperationProfile? {
  /// Runs the kernels of one direction; measures them if a profiler is set.
  func measure(isBackward: Bool, _ engine: Engine, _ body: () -> Void) {
    guard let self else { return body() }
    let key = Profiler.Key(name: self.name, detail: self.detail, isBackward: isBackward)
    self.profiler.measure(
      key, bytes: isBackward ? self.backwardBytes : self.forwardBytes, engine, body)
  }
}

extension Engine {
  /// Runs work other than an operation on tensors (an optimizer's update) under a name.
  /// - Parameter bytes: what it reads and writes.
  package func profiled<T>(_ name: String, bytes: Int, _ body: () throws -> T) rethrows -> T {
    guard let profiler else { return try body() }
    let key = Profiler.Key(name: name, detail: "", isBackward: false)
    return try profiler.measure(key, bytes: bytes, self, body)
  }
}
