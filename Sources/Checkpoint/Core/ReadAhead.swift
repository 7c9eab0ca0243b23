import Foundation

/// Reads tensors while earlier ones are written: inflating and permuting run on all processors, in order and within a
/// budget of memory.
enum ReadAhead {
  /// Bytes of tensors that may wait or be in the making; a larger tensor is alone.
  static let budget = 20 << 20

  /// Calls `body` with every tensor's bytes, in order, on the calling thread.
  /// - Throws: what `body` throws, or the first tensor's error that reading met.
  static func forEach(_ tensors: [StoredTensor], _ body: (StoredTensor, Bytes) throws -> Void) throws {
    // Little work is done before a thread has started.
    guard tensors.reduce(0, { $0 + $1.byteCount }) > 1 << 22 else {
      for tensor in tensors { try body(tensor, try tensor.bytes()) }
      return
    }
    let queue = Queue(tensors)
    // One keeps up with plain data; more would only hold more of it.
    let workers =
      tensors.contains { $0.isCostly } ? min(ProcessInfo.processInfo.activeProcessorCount, 8) : 1
    for _ in 0..<workers { Thread { queue.work() }.start() }
    defer { queue.stop(workers: workers) }
    for (index, tensor) in tensors.enumerated() {
      try body(tensor, try queue.take(index))
      queue.release(index)
    }
  }

  private final class Queue: @unchecked Sendable {
    // `condition` guards everything mutable.
    private let condition = NSCondition()
    private let tensors: [StoredTensor]
    private var next = 0
    private var inFlight = 0
    private var results: [Int: Result<Bytes, any Error>] = [:]
    private var isStopped = false
    private var finished = 0

    init(_ tensors: [StoredTensor]) { self.tensors = tensors }

    func work() {
      while let index = begin() {
        let tensor = tensors[index]
        let result = Result { try tensor.bytes() }
        condition.withLock {
          results[index] = result
          condition.broadcast()
        }
      }
      condition.withLock {
        finished += 1
        condition.broadcast()
      }
    }

    private func begin() -> Int? {
      condition.lock()
      defer { condition.unlock() }
      while !isStopped && next < tensors.count {
        let cost = tensors[next].byteCount
        if inFlight == 0 || inFlight + cost <= budget {
          inFlight += cost
          next += 1
          return next - 1
        }
        condition.wait()
      }
      return nil
    }

    func take(_ index: Int) throws -> Bytes {
      condition.lock()
      defer { condition.unlock() }
      while true {
        if let result = results.removeValue(forKey: index) { return try result.get() }
        condition.wait()
      }
    }

    func release(_ index: Int) {
      condition.withLock {
        inFlight -= tensors[index].byteCount
        condition.broadcast()
      }
    }

    /// Waits until no thread reads any longer.
    func stop(workers: Int) {
      condition.lock()
      isStopped = true
      condition.broadcast()
      while finished < workers { condition.wait() }
      condition.unlock()
    }
  }
}
