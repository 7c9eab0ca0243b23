import CZlib
import VTCore

/// The front of packed data, without the rest.
enum ZlibPrefix {
  /// At most `count` bytes, unchecked: fewer where the data is damaged or ends.
  /// - Parameter windowBits: 15 for a zlib stream, -15 for a bare one.
  static func inflate(_ packed: Bytes, count: Int, windowBits: Int32) throws -> [UInt8] {
    var out = [UInt8](repeating: 0, count: count)
    var stream = z_stream()
    guard
      inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw Failure(.resource, "not enough memory to decompress") }
    defer { inflateEnd(&stream) }
    let made = out.withUnsafeMutableBufferPointer { target in
      packed.withUnsafeBytes { source -> Int in
        stream.next_in = UnsafeMutablePointer(
          mutating: source.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(clamping: source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        _ = CZlib.inflate(&stream, Z_SYNC_FLUSH)
        return target.count - Int(stream.avail_out)
      }
    }
    out.removeLast(count - made)
    return out
  }
}
