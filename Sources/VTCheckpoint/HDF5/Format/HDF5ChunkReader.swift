import Foundation
import Synchronization
import VTCore

/// A dataset in chunks: unpacked on all processors, each chunk into its own part of the tensor.
final class HDF5ChunkReader: Sendable {
  private let index: HDF5ChunkIndex
  private let pipeline: HDF5Pipeline
  /// One number's bytes where nobody wrote any; nil for zeros.
  private let fill: [UInt8]?
  // What the index says, once it has been read.
  private let known = Mutex<[HDF5Chunk]?>(nil)

  init(_ index: HDF5ChunkIndex, _ pipeline: HDF5Pipeline, fill: [UInt8]?) {
    (self.index, self.pipeline, self.fill) = (index, pipeline, fill)
  }

  private func chunks() throws -> [HDF5Chunk] {
    try known.withLock { known in
      if let known { return known }
      let chunks = try index.chunks()
      known = chunks
      return chunks
    }
  }

  /// All numbers, row-major, as the file has them.
  /// - Throws: `Failure` where the index or a chunk is damaged, or a filter is not read here.
  func read(_ count: Int) throws -> Bytes {
    let chunks = try chunks()
    return try Bytes(count: count) { out in
      nonisolated(unsafe) let target = out
      if chunks.count < index.grid.count { HDF5Fill.write(fill, into: out) }
      // Tensors are read side by side already; one that is alone shares its chunks out.
      guard out.count > ReadAhead.budget else { return try unpack(chunks[...], into: target) }
      let parts = min(chunks.count, 4 * ProcessInfo.processInfo.activeProcessorCount)
      let failure = Mutex<(any Error)?>(nil)
      DispatchQueue.concurrentPerform(iterations: parts) { part in
        do {
          try unpack(chunks[part * chunks.count / parts..<(part + 1) * chunks.count / parts], into: target)
        } catch { failure.withLock { $0 = $0 ?? error } }
      }
      if let failure = failure.withLock({ $0 }) { throw failure }
    }
  }

  private func unpack(_ chunks: ArraySlice<HDF5Chunk>, into out: UnsafeMutableRawBufferPointer) throws {
    guard !chunks.isEmpty else { return }
    let file = index.source.file
    let scratch = try HDF5Pipeline.Scratch()
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: index.grid.chunkBytes, alignment: 16)
    defer { whole.deallocate() }
    var (done, size) = (chunks.startIndex, 0)
    for number in chunks.indices {
      let chunk = chunks[number]
      let packed = try file.bytes(chunk.place, chunk.size)
      do {
        try packed.withUnsafeBytes { packed in
          // A chunk of complete rows has the same layout in the tensor.
          if let part = part(chunk.cell, of: out) {
            try decode(packed, chunk, into: part, scratch)
          } else {
            try decode(packed, chunk, into: whole, scratch)
            place(whole, chunk.cell, out)
          }
        }
      } catch var failure as Failure {
        failure.offset = failure.offset ?? chunk.place
        throw failure.located(file: file.path)
      }
      size += chunk.size
      // Chunks are small, but all of a tensor are not: their pages go back some at a time.
      if size >= 1 << 22 || number == chunks.endIndex - 1 {
        for run in runs(chunks[done...number]) { _ = try file.bytes(run.lowerBound, run.count) }
        (done, size) = (number + 1, 0)
      }
    }
  }

  private func decode(
    _ packed: UnsafeRawBufferPointer, _ chunk: HDF5Chunk, into out: UnsafeMutableRawBufferPointer,
    _ scratch: HDF5Pipeline.Scratch
  ) throws {
    if pipeline.isEmpty || (index.layout.leavesEdges && index.grid.isEdge(chunk.cell)) {
      guard packed.count == out.count else { throw HDF5Pipeline.damagedChunk }
      out.copyMemory(from: packed)
    } else {
      try pipeline.decode(packed, mask: chunk.mask, into: out, scratch: scratch)
    }
  }

  /// Where chunks lie, those side by side as one: letting go of such a stretch gives its pages back.
  private func runs(_ chunks: ArraySlice<HDF5Chunk>) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for chunk in chunks.sorted(by: { $0.place < $1.place }) {
      let end = chunk.place + chunk.size
      if let last = result.last, chunk.place - last.upperBound < 1 << 14 {
        result[result.count - 1] = last.lowerBound..<max(last.upperBound, end)
      } else {
        result.append(chunk.place..<end)
      }
    }
    return result
  }

  /// The chunk's part of the tensor, where that is one run.
  private func part(_ cell: Int, of out: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer? {
    let grid = index.grid
    guard grid.shape.dropFirst().elementsEqual(grid.lengths.dropFirst()), let row = grid.shape.first else {
      return nil
    }
    let first = cell * grid.lengths[0]
    guard first <= row - grid.lengths[0] else { return nil }
    let start = cell * grid.chunkBytes
    return UnsafeMutableRawBufferPointer(rebasing: out[start..<start + grid.chunkBytes])
  }

  /// Copies the part of a chunk that lies within the tensor, a run along the last axis at a time.
  private func place(
    _ chunk: UnsafeMutableRawBufferPointer, _ cell: Int, _ out: UnsafeMutableRawBufferPointer
  ) {
    let (shape, lengths, width) = (index.grid.shape, index.grid.lengths, index.layout.width)
    let first = index.grid.first(cell)
    let rank = shape.count
    let inside = (0..<rank).map { min(lengths[$0], shape[$0] - first[$0]) }
    let run = inside[rank - 1] * width
    var at = [Int](repeating: 0, count: rank)
    while true {
      var (from, to) = (0, 0)
      for axis in 0..<rank {
        from = from * lengths[axis] + at[axis]
        to = to * shape[axis] + first[axis] + at[axis]
      }
      UnsafeMutableRawBufferPointer(rebasing: out[to * width..<to * width + run])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[from * width..<from * width + run]))
      var axis = rank - 2
      while axis >= 0 {
        at[axis] += 1
        if at[axis] < inside[axis] { break }
        at[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

extension HDF5Fill {
  /// Fills memory with a number's bytes, or zeros.
  static func write(_ value: [UInt8]?, into out: UnsafeMutableRawBufferPointer) {
    guard let value, out.count >= value.count, let base = out.baseAddress else {
      out.initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    out.copyBytes(from: value)
    // Repeats what has been copied already.
    var done = value.count
    while done < out.count {
      let more = min(done, out.count - done)
      (base + done).copyMemory(from: base, byteCount: more)
      done += more
    }
  }
}
