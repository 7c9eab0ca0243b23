import CDeflate

/// Filter 1: a zlib stream.
enum HDF5Deflate {
  /// No stream of `count` bytes is longer than this when zlib writes it.
  static func mostPacked(_ count: Int) -> Int { count + count / 512 + 64 }

  /// - Returns: bytes made, at most `out.count`.
  /// - Throws: `Failure` where the stream is damaged, does not fit, or has something after it.
  static func inflate(
    _ packed: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer, _ decompressor: OpaquePointer
  ) throws -> Int {
    var (taken, made) = (0, 0)
    let result = libdeflate_zlib_decompress_ex(
      decompressor, packed.baseAddress, packed.count, out.baseAddress, out.count, &taken, &made)
    guard result == LIBDEFLATE_SUCCESS, taken == packed.count, made <= out.count else {
      throw HDF5Pipeline.damagedChunk
    }
    return made
  }
}
