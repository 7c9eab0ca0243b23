/// Bob Jenkins's hash `lookup3` (`hashlittle`, seed 0), the checksum of HDF5's newer metadata.
enum Lookup3 {
  static func hash(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { hash($0) } }

  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var a = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count)
    var (b, c) = (a, a)
    func word(_ at: Int) -> UInt32 {
      if at + 4 <= bytes.count {
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      }
      // Behind the last byte are zeros.
      var value: UInt32 = 0
      var place = at
      while place < bytes.count {
        value |= UInt32(bytes[place]) << UInt32(8 * (place - at))
        place += 1
      }
      return value
    }
    var at = 0
    while bytes.count - at > 12 {
      a &+= word(at)
      b &+= word(at + 4)
      c &+= word(at + 8)
      mix(&a, &b, &c)
      at += 12
    }
    guard at < bytes.count else { return c }
    a &+= word(at)
    b &+= word(at + 4)
    c &+= word(at + 8)
    finish(&a, &b, &c)
    return c
  }

  private static func turned(_ value: UInt32, _ count: UInt32) -> UInt32 {
    value << count | value >> (32 - count)
  }

  private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    a = (a &- c) ^ turned(c, 4)
    c &+= b
    b = (b &- a) ^ turned(a, 6)
    a &+= c
    c = (c &- b) ^ turned(b, 8)
    b &+= a
    a = (a &- c) ^ turned(c, 16)
    c &+= b
    b = (b &- a) ^ turned(a, 19)
    a &+= c
    c = (c &- b) ^ turned(b, 4)
    b &+= a
  }

  private static func finish(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    c = (c ^ b) &- turned(b, 14)
    a = (a ^ c) &- turned(c, 11)
    b = (b ^ a) &- turned(a, 25)
    c = (c ^ b) &- turned(b, 16)
    a = (a ^ c) &- turned(c, 4)
    b = (b ^ a) &- turned(a, 14)
    c = (c ^ b) &- turned(b, 24)
  }
}
