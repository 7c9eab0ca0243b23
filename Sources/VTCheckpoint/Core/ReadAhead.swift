import Foundation
import VTCore

/// Reads tensors while earlier ones are written: unpacking and permuting run on all processors, in order and within a
/// budget of memory.
enum ReadAhead {
  /// Bytes of tensors that may be open; a larger tensor is alone.
  static let budget = 19 << 20
  /// Bytes of chunks that may be in the making or waiting.
  static let waiting = 1 << 20

  /// A piece of a tensor.
  struct Chunk {
    let tensor: StoredTensor
    /// Its bytes within the tensor.
    let range: Range<Int>
    let bytes: Bytes
    /// Whether the bytes are its own, rather than its tensor's.
    let isComputed: Bool

    var isFirst: Bool { range.lowerBound == 0 }
  }

  /// Calls `body` with every tensor a chunk at a time, in order, on the calling thread; at least once for each tensor.
  /// - Parameter row: what chunks of a tensor must begin at multiples of, in bytes; its length gives it whole.
  /// - Throws: what `body` throws, or the first tensor's error that reading met.
  static func forEachChunk(
    _ tensors: [StoredTensor], row: @escaping @Sendable (StoredTensor) -> Int = { _ in 1 },
    _ body: (Chunk) throws -> Void
  ) throws {
    let queue = ReadAheadQueue(tensors, row: row)
    // Little work is done before a thread has started; one keeps up with plain data, and more would only hold more of it.
    let wanted =
      tensors.reduce(0, { $0 + $1.byteCount }) <= 1 << 22
      ? 0 : tensors.contains { $0.isCPUBound } ? min(ProcessInfo.processInfo.activeProcessorCount, 8) : 1
    var workers = 0
    while workers < wanted, startThread({ queue.work() }) { workers += 1 }
    defer { queue.stop(workers: workers) }
    for index in tensors.indices {
      var end = 0
      repeat {
        // Let go of before its memory counts as free.
        let (range, isComputed) = try { chunk in
          try body(chunk)
          return (chunk.range, chunk.isComputed)
        }(try queue.take(index, end, helping: workers == 0))
        queue.release(range, of: index, isComputed: isComputed)
        end = range.upperBound
      } while end < tensors[index].byteCount
    }
  }
}
