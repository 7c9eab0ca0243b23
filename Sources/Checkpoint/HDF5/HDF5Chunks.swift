import CDeflate
import CHDF5
import CKernels
import Foundation

/// A dataset in chunks that deflate, with or without shuffle, has packed: read by the chunks' places in the file, so that
/// inflating needs neither libhdf5's lock nor its zlib. Everything rarer is left to the library.
struct HDF5Chunks: Sendable {
  private struct Chunk: Sendable {
    /// The first element's place along each axis.
    let first: [Int]
    let offset: Int
    let size: Int
    /// Filters that this chunk went without: bit i for the i-th of the pipeline.
    let mask: UInt32
  }

  enum Filter: Sendable { case deflate, shuffle }

  /// Where a chunk lies in the file.
  struct Place: Sendable {
    let offset: Int
    let size: Int
    /// As of `Chunk`.
    let mask: UInt32
  }

  private let shape: [Int]
  private let lengths: [Int]
  private let width: Int
  private let filters: [Filter]
  private let chunks: [Chunk]
  /// Whether there are elements without a chunk: they are zero.
  private let hasGaps: Bool

  /// More chunks than any tool makes of a tensor.
  static let most = 1 << 18

  /// A dataset of one-byte elements whose chunks are known already.
  /// - Parameter chunks: in row-major order; nil for those that nobody wrote, which are zeros.
  /// - Throws: `Failure` where chunks are larger than memory should hold.
  init(shape: [Int], lengths: [Int], filters: [Filter], chunks: [Place?]) throws {
    guard let length = checkedByteCount(shape: lengths, type: .u8), length <= 1 << 28 else {
      throw Failure("chunks of more than 256 MB")
    }
    let counts = zip(shape, lengths).map { ($0 + $1 - 1) / $1 }
    self.chunks = chunks.enumerated().compactMap { index, place in
      guard let place else { return nil }
      var (first, rest) = ([Int](repeating: 0, count: shape.count), index)
      for axis in shape.indices.reversed() {
        first[axis] = rest % counts[axis] * lengths[axis]
        rest /= counts[axis]
      }
      return Chunk(first: first, offset: place.offset, size: place.size, mask: place.mask)
    }
    hasGaps = self.chunks.count < chunks.count
    (self.shape, self.lengths, width, self.filters) = (shape, lengths, 1, filters)
  }

  /// Looks the chunks up; under `HDF5Library.locked`.
  /// - Returns: nil for what the library must read.
  init?(_ dataset: hid_t, shape: [Int], width: Int) {
    let plan = H5Dget_create_plist(dataset)
    guard plan >= 0 else { return nil }
    defer { H5Pclose(plan) }
    let rank = shape.count
    guard H5Pget_layout(plan) == H5D_CHUNKED, rank > 0, !shape.contains(0), width > 0 else { return nil }
    var sizes = [hsize_t](repeating: 0, count: rank)
    guard H5Pget_chunk(plan, Int32(rank), &sizes) == rank, sizes.allSatisfy({ $0 > 0 && $0 < 1 << 31 }) else {
      return nil
    }
    let lengths = sizes.map { Int($0) }
    var filters: [Filter] = []
    for index in 0..<max(0, H5Pget_nfilters(plan)) {
      switch vt_h5_filter(plan, UInt32(index)) {
      case H5Z_FILTER_DEFLATE: filters.append(.deflate)
      case H5Z_FILTER_SHUFFLE: filters.append(.shuffle)
      default: return nil
      }
    }
    // A chunk takes memory twice; larger ones than this are nobody's, or a damaged file's.
    guard let length = checkedByteCount(shape: lengths, type: .u8), length <= (1 << 28) / width else {
      return nil
    }
    var total = 1
    for (length, size) in zip(shape, lengths) {
      let (product, overflow) = total.multipliedReportingOverflow(by: (length + size - 1) / size)
      guard !overflow, product <= Self.most else { return nil }
      total = product
    }
    var chunks: [Chunk] = []
    var first = [Int](repeating: 0, count: rank)
    for _ in 0..<total {
      var mask: UInt32 = 0
      var (address, size): (UInt64, UInt64) = (0, 0)
      guard vt_h5_chunk(dataset, first.map { hsize_t($0) }, &mask, &address, &size) == 0,
        address < UInt64(Int.max), size < 1 << 31
      else { return nil }
      chunks.append(Chunk(first: first, offset: Int(address), size: Int(size), mask: mask))
      for axis in (0..<rank).reversed() {
        first[axis] += lengths[axis]
        if first[axis] < shape[axis] { break }
        first[axis] = 0
      }
    }
    (self.shape, self.lengths, self.width, self.filters, self.chunks) = (
      shape, lengths, width, filters, chunks
    )
    hasGaps = false
  }

  /// All numbers, row-major.
  /// - Throws: `Failure` where a chunk is damaged.
  func read(_ file: MappedFile) throws -> Bytes {
    try Bytes(count: shape.reduce(width, *)) { out in
      nonisolated(unsafe) let target = out
      if hasGaps { target.initializeMemory(as: UInt8.self, repeating: 0) }
      // Tensors are read side by side already; one that is alone shares its chunks out.
      guard out.count > ReadAhead.budget else {
        try unpack(0..<chunks.count, file, into: target)
        return
      }
      let parts = min(chunks.count, 4 * ProcessInfo.processInfo.activeProcessorCount)
      let failures = FirstFailure()
      DispatchQueue.concurrentPerform(iterations: parts) { part in
        do {
          try unpack(part * chunks.count / parts..<(part + 1) * chunks.count / parts, file, into: target)
        } catch { failures.note(error) }
      }
      try failures.rethrow()
    }
  }

  private func unpack(_ range: Range<Int>, _ file: MappedFile, into out: UnsafeMutableRawBufferPointer) throws
  {
    let unpacker = try Unpacker(self)
    var done = range.lowerBound
    var size = 0
    for index in range {
      try unpacker.unpack(chunks[index], file, into: out)
      size += chunks[index].size
      // Chunks are small, but all of a tensor are not: their pages go back some at a time.
      if size >= 1 << 22 || index == range.upperBound - 1 {
        for run in runs(done...index) { _ = try file.bytes(run.lowerBound, run.count) }
        (done, size) = (index + 1, 0)
      }
    }
  }

  /// Where chunks lie, those side by side as one: letting go of such a stretch gives its pages back.
  private func runs(_ range: ClosedRange<Int>) -> [Range<Int>] {
    var result: [Range<Int>] = []
    for chunk in chunks[range].sorted(by: { $0.offset < $1.offset }) {
      let end = chunk.offset + chunk.size
      if let last = result.last, chunk.offset - last.upperBound < 1 << 14 {
        result[result.count - 1] = last.lowerBound..<max(last.upperBound, end)
      } else {
        result.append(chunk.offset..<end)
      }
    }
    return result
  }

  private final class FirstFailure: @unchecked Sendable {
    // `lock` guards `error`.
    private let lock = NSLock()
    private var error: (any Error)?
    func note(_ error: any Error) { lock.withLock { self.error = self.error ?? error } }
    func rethrow() throws { if let error = lock.withLock({ error }) { throw error } }
  }

  /// One thread's memory for a chunk on its way.
  private final class Unpacker {
    private let plan: HDF5Chunks
    private let decompressor: OpaquePointer
    private var a: [UInt8]
    private var b: [UInt8]

    init(_ plan: HDF5Chunks) throws {
      self.plan = plan
      guard let decompressor = libdeflate_alloc_decompressor() else {
        throw Failure(.resource, "not enough memory to decompress")
      }
      self.decompressor = decompressor
      let count = plan.lengths.reduce(plan.width, *)
      a = [UInt8](repeating: 0, count: count)
      b = [UInt8](repeating: 0, count: count)
    }

    deinit { libdeflate_free_decompressor(decompressor) }

    func unpack(_ chunk: Chunk, _ file: MappedFile, into out: UnsafeMutableRawBufferPointer) throws {
      let packed = try file.bytes(chunk.offset, chunk.size)
      let damaged = Failure(
        "a chunk's compressed data is damaged", file: file.path, offset: chunk.offset,
        remedy: "fetch the file again")
      var isPacked = true
      for (index, filter) in plan.filters.enumerated().reversed() where chunk.mask & (1 << UInt32(index)) == 0
      {
        switch filter {
        case .deflate:
          guard isPacked else { throw damaged }
          var made = 0
          let result = packed.withUnsafeBytes { from in
            b.withUnsafeMutableBytes {
              libdeflate_zlib_decompress(
                decompressor, from.baseAddress, from.count, $0.baseAddress, $0.count, &made)
            }
          }
          guard result == LIBDEFLATE_SUCCESS, made == b.count else { throw damaged }
        case .shuffle:
          if isPacked { try copy(packed, damaged) }
          a.withUnsafeMutableBytes { to in
            b.withUnsafeBytes {
              vt_unshuffle(to.baseAddress, $0.baseAddress, $0.count / plan.width, plan.width)
            }
          }
          swap(&a, &b)
        }
        isPacked = false
      }
      if isPacked { try copy(packed, damaged) }
      place(chunk.first, out)
    }

    private func copy(_ packed: Bytes, _ damaged: Failure) throws {
      guard packed.count == b.count else { throw damaged }
      packed.withUnsafeBytes { from in b.withUnsafeMutableBytes { $0.copyMemory(from: from) } }
    }

    /// Copies the part of the chunk in `b` that lies within the tensor, a run along the last axis at a time.
    private func place(_ first: [Int], _ out: UnsafeMutableRawBufferPointer) {
      let (shape, lengths, width) = (plan.shape, plan.lengths, plan.width)
      let rank = shape.count
      let inside = (0..<rank).map { min(lengths[$0], shape[$0] - first[$0]) }
      let run = inside[rank - 1] * width
      var index = [Int](repeating: 0, count: rank)
      b.withUnsafeBytes { source in
        while true {
          var (from, to) = (0, 0)
          for axis in 0..<rank {
            from = from * lengths[axis] + index[axis]
            to = to * shape[axis] + first[axis] + index[axis]
          }
          (out.baseAddress! + to * width).copyMemory(from: source.baseAddress! + from * width, byteCount: run)
          var axis = rank - 2
          while axis >= 0 {
            index[axis] += 1
            if index[axis] < inside[axis] { break }
            index[axis] = 0
            axis -= 1
          }
          if axis < 0 { return }
        }
      }
    }
  }
}
