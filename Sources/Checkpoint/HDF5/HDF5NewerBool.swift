/// A bool dataset that HDF5 1.12 or later wrote in its latest format, read without the library: Debian's
/// 1.10 does not open version 4 of the enumeration type, which is all that h5py's bool is.
///
/// Follows the HDF5 File Format Specification 3.0, sections IV.A.1.b (object header, version 2), IV.A.2.b
/// (dataspace), IV.A.2.d (datatype) and IV.A.2.i (layout). Anything but a plain, contiguous or compact dataset of
/// one-byte enumerations FALSE = 0, TRUE = 1 is refused.
struct HDF5NewerBool {
  private(set) var shape: [Int] = []
  /// Where the numbers are in the file, one byte each.
  private(set) var dataOffset = -1

  private let file: MappedFile
  /// Where addresses count from: behind the user block.
  private let base: Int
  private var isBool = false
  private var dataSize = -1
  /// Messages that may still be read: continuations that point at one another end here.
  private var budget = 1000

  private static let refused = Failure("not a plain bool dataset")

  /// - Parameter address: of the object header.
  init(_ file: MappedFile, address: UInt64) throws {
    self.file = file
    base = try Self.base(file)
    let header = try Self.checked(address, base)
    guard try Self.text(file, header, 4) == "OHDR", try Self.byte(file, header + 4) == 2 else {
      throw Self.refused
    }
    let flags = try Self.byte(file, header + 5)
    var at = header + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let width = 1 << (flags & 3)
    let size = try Self.little(file, at, width)
    at += width
    try messages(at, size, hasOrder: flags & 4 != 0, depth: 0)
    guard isBool, dataOffset >= 0, let count = checkedByteCount(shape: shape, type: .bool),
      count == dataSize
    else { throw Self.refused }
    _ = try file.bytes(dataOffset, count)
  }

  private static func byte(_ file: MappedFile, _ at: Int) throws -> Int {
    try file.bytes(at, 1).withUnsafeBytes { Int($0[0]) }
  }

  private static func text(_ file: MappedFile, _ at: Int, _ count: Int) throws -> String {
    try file.bytes(at, count).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// A little-endian number of `width` bytes that fits into the file.
  private static func little(_ file: MappedFile, _ at: Int, _ width: Int) throws -> Int {
    let value = try file.bytes(at, width).withUnsafeBytes { bytes in
      bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    guard value <= UInt64(file.count) else { throw refused }
    return Int(value)
  }

  private static func checked(_ address: UInt64, _ base: Int) throws -> Int {
    guard address < UInt64(Int.max / 2) else { throw refused }
    return base + Int(address)
  }

  /// Finds the superblock; only ones with eight-byte addresses and lengths are read.
  private static func base(_ file: MappedFile) throws -> Int {
    var at = 0
    while at + 16 <= file.count {
      if try file.u64(at) == 0x0A1A_0A0D_4644_4889 {
        guard [2, 3].contains(try byte(file, at + 8)), try byte(file, at + 9) == 8,
          try byte(file, at + 10) == 8
        else { throw refused }
        return at
      }
      at = at == 0 ? 512 : at * 2
    }
    throw refused
  }

  private mutating func messages(_ start: Int, _ size: Int, hasOrder: Bool, depth: Int) throws {
    guard depth < 8 else { throw Self.refused }
    var at = start
    let prefix = hasOrder ? 6 : 4
    while at + prefix <= start + size {
      budget -= 1
      guard budget >= 0 else { throw Self.refused }
      let type = try Self.byte(file, at)
      let length = try file.u16(at + 1)
      let body = at + prefix
      guard body + length <= start + size else { throw Self.refused }
      switch type {
      case 0x01: try dataspace(body)
      case 0x03: try datatype(body, length)
      case 0x08: try layout(body)
      case 0x0B: throw Self.refused  // filters
      case 0x10:
        let chunk = base + (try Self.little(file, body, 8))
        let chunkSize = try Self.little(file, body + 8, 8)
        guard try Self.text(file, chunk, 4) == "OCHK", chunkSize >= 8 else { throw Self.refused }
        try messages(chunk + 4, chunkSize - 8, hasOrder: hasOrder, depth: depth + 1)
      default: break
      }
      at = body + length
    }
  }

  private mutating func dataspace(_ at: Int) throws {
    guard try Self.byte(file, at) == 2, try Self.byte(file, at + 3) != 2 else { throw Self.refused }
    let rank = try Self.byte(file, at + 1)
    guard rank <= 16 else { throw Self.refused }
    shape = try (0..<rank).map { try Self.little(file, at + 4 + 8 * $0, 8) }
  }

  private mutating func datatype(_ at: Int, _ length: Int) throws {
    // Class 8 in the low half of the first byte; two members; one byte a number.
    guard try Self.byte(file, at) & 0x0F == 8, try file.u16(at + 1) == 2, try file.u32(at + 4) == 1,
      try Self.byte(file, at + 8) & 0x0F == 0, try file.u32(at + 12) == 1
    else { throw Self.refused }
    // The base type takes 12 bytes; then both names, each ended by a zero, and both values.
    let rest = try file.bytes(at + 20, length - 20).withUnsafeBytes { Array($0) }
    isBool = rest.starts(with: Array("FALSE\0TRUE\0".utf8) + [0, 1])
  }

  private mutating func layout(_ at: Int) throws {
    guard [3, 4].contains(try Self.byte(file, at)) else { throw Self.refused }
    switch try Self.byte(file, at + 1) {
    case 0:
      dataSize = try file.u16(at + 2)
      dataOffset = at + 4
    case 1:
      dataOffset = base + (try Self.little(file, at + 2, 8))
      dataSize = try Self.little(file, at + 10, 8)
    default: throw Self.refused
    }
  }
}
