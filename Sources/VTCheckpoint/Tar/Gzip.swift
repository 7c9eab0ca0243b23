import CDeflate
import VTCore

/// Files that gzip packed (RFC 1952).
package enum Gzip {
  /// Unpacked, an archive lies in memory: a larger one is to be unpacked on disk.
  package static let largest = 2 << 30

  /// The unpacked bytes.
  /// - Throws: `Failure` naming the file where it is damaged, or too large for memory.
  package static func inflate(_ path: String) throws -> Bytes {
    let file = try MappedFile(path: path)
    let packed = try file.bytes(0, file.count)
    guard file.count >= 18 else { throw damaged(path) }
    // The last four bytes say how long it was, less whole multiples of 4 GiB.
    let claimed = try file.u32(file.count - 4)
    // Deflate makes at most 1,032 bytes of one.
    guard claimed / 1032 <= file.count else { throw damaged(path) }
    guard claimed <= largest, file.count <= largest else {
      throw Failure(
        "the archive has \(max(claimed, file.count)) bytes when it is unpacked, too many for memory",
        file: path,
        hint: "unpack it with 'gunzip' and give the .tar: that is read in place")
    }
    return try Bytes(count: claimed) { out in
      guard let decompressor = libdeflate_alloc_decompressor() else {
        throw Failure(.resource, "not enough memory to decompress")
      }
      defer { libdeflate_free_decompressor(decompressor) }
      var (used, made) = (0, 0)
      let result = packed.withUnsafeBytes {
        libdeflate_gzip_decompress_ex(
          decompressor, $0.baseAddress, $0.count, out.baseAddress, out.count, &used, &made)
      }
      if result == LIBDEFLATE_INSUFFICIENT_SPACE || result == LIBDEFLATE_SUCCESS && used < packed.count {
        throw Failure(
          "the archive was packed in several pieces", file: path,
          hint: "unpack it with 'gunzip' and give the .tar: that is read in place")
      }
      guard result == LIBDEFLATE_SUCCESS, made == claimed else { throw damaged(path) }
    }
  }

  private static func damaged(_ path: String) -> Failure {
    Failure("the gzip file is damaged or truncated", file: path, hint: "fetch the file again")
  }
}
