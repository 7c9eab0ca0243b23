import CDeflate
import Foundation
import VTCore

extension HDF5Pipeline {
  /// One thread's memory for chunks on their way, used again for each.
  final class Scratch {
    let decompressor: OpaquePointer
    /// Handed out last.
    private var last = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var other = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// - Throws: `Failure` where memory is short.
    init() throws {
      guard let decompressor = libdeflate_alloc_decompressor() else {
        throw Failure(.resource, "not enough memory to decompress")
      }
      self.decompressor = decompressor
    }

    deinit {
      libdeflate_free_decompressor(decompressor)
      free(last.baseAddress)
      free(other.baseAddress)
    }

    /// `count` bytes of any content, which stay until the call after the next: a filter reads from one buffer and writes into the
    /// other.
    func spare(_ count: Int) throws -> UnsafeMutableRawBufferPointer {
      swap(&last, &other)
      if last.count < count || last.baseAddress == nil {
        free(last.baseAddress)
        last = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        guard let memory = malloc(max(count, 1)) else {
          throw Failure(.resource, "not enough memory for a chunk of \(count) bytes")
        }
        last = UnsafeMutableRawBufferPointer(start: memory, count: count)
      }
      return UnsafeMutableRawBufferPointer(rebasing: last[..<count])
    }
  }
}
