/// Filter 3: Fletcher's checksum of 16-bit big-endian words after the bytes, both sums starting at zero.
enum HDF5Fletcher32 {
  /// Bytes of the checksum.
  static let length = 4

  /// - Returns: the bytes in front of the checksum.
  /// - Throws: `Failure` where they do not have it.
  static func checked(_ packed: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
    guard packed.count >= length else { throw HDF5Pipeline.damagedChunk }
    let bytes = UnsafeRawBufferPointer(rebasing: packed[..<(packed.count - length)])
    let stored = UInt32(littleEndian: packed.loadUnaligned(fromByteOffset: bytes.count, as: UInt32.self))
    let sum = sum(bytes)
    // Before HDF5 1.6.3, little-endian machines wrote the bytes of either half the other way round.
    let older = (sum & 0x00FF_00FF) << 8 | (sum & 0xFF00_FF00) >> 8
    guard stored == sum || stored == older else { throw HDF5Pipeline.damagedChunk }
    return bytes
  }

  static func sum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var (first, second): (UInt32, UInt32) = (0, 0)
    func fold(_ sum: UInt32) -> UInt32 { sum & 0xFFFF + sum >> 16 }
    let words = bytes.count / 2
    var word = 0
    while word < words {
      // So many sums of words fit into 32 bits.
      let end = min(words, word + 360)
      while word < end {
        let value = bytes.loadUnaligned(fromByteOffset: 2 * word, as: UInt16.self)
        first &+= UInt32(UInt16(bigEndian: value))
        second &+= first
        word += 1
      }
      (first, second) = (fold(first), fold(second))
    }
    if bytes.count % 2 == 1 {
      first &+= UInt32(bytes[bytes.count - 1]) << 8
      second &+= first
      (first, second) = (fold(first), fold(second))
    }
    return fold(second) << 16 | fold(first)
  }
}
