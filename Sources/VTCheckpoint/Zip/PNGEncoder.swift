import CDeflate
import VTCore

/// Writes PNG images (ISO 15948) for pages: 8-bit RGB.
package enum PNGEncoder {
  /// - Parameter pixels: `height * width * 3` bytes.
  /// - Throws: `Failure` where memory is short.
  package static func encode(width: Int, height: Int, pixels: [UInt8]) throws -> [UInt8] {
    precondition(pixels.count == width * height * 3 && width > 0 && height > 0)
    var rows: [UInt8] = []
    rows.reserveCapacity(height * (1 + 3 * width))
    for y in 0..<height {
      // Each byte less the one a pixel before it (filter 1).
      rows.append(1)
      let row = pixels[y * width * 3..<(y + 1) * width * 3]
      for at in row.indices { rows.append(row[at] &- (at - row.startIndex < 3 ? 0 : row[at - 3])) }
    }
    var out: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    chunk("IHDR", big(width) + big(height) + [8, 2, 0, 0, 0], &out)
    chunk("IDAT", try packed(rows), &out)
    chunk("IEND", [], &out)
    return out
  }

  private static func packed(_ rows: [UInt8]) throws -> [UInt8] {
    guard let compressor = libdeflate_alloc_compressor(6) else {
      throw Failure(.resource, "not enough memory to compress")
    }
    defer { libdeflate_free_compressor(compressor) }
    let most = libdeflate_zlib_compress_bound(compressor, rows.count)
    return [UInt8](unsafeUninitializedCapacity: most) { out, count in
      count = libdeflate_zlib_compress(compressor, rows, rows.count, out.baseAddress, most)
    }
  }

  private static func big(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  private static func chunk(_ name: String, _ content: [UInt8], _ out: inout [UInt8]) {
    let body = Array(name.utf8) + content
    out += big(content.count) + body + big(Int(libdeflate_crc32(0, body, body.count)))
  }
}
