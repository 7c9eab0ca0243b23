/// An object that HDF5 1.12 or later wrote in its latest format, read without the library: Debian's 1.10 does not open
/// version 4 of the enumeration type, which is all that h5py's bool is, nor of other types that are no numbers.
///
/// Follows the HDF5 File Format Specification 3.0, sections IV.A.1.b (object header, version 2), IV.A.2.b
/// (dataspace), IV.A.2.d (datatype), IV.A.2.i (layout) and IV.A.2.l (filter pipeline).
struct HDF5NewerObject {
  enum Content {
    /// One byte a number, in a stretch of the file.
    case bools(shape: [Int], offset: Int)
    case chunkedBools(HDF5Chunks, shape: [Int])
    /// Whole, and nothing that a tensor has.
    case other(String)
  }

  private let bytes: HDF5Bytes
  private var shape: [Int]?
  private var isBool = false
  private var kind = -1
  private var header = 0
  /// Of the layout message; only bools' is looked at.
  private var layoutAt: Int?
  private var filters: [HDF5Chunks.Filter] = []
  private var hasFill = false
  /// Messages that may still be read: continuations that point at one another end here.
  private var budget = 1000

  /// - Parameter address: of the object header.
  /// - Throws: `Failure` where the object is damaged, or has numbers in a way that is not read here.
  static func read(_ file: MappedFile, address: UInt64) throws -> Content {
    var object = HDF5NewerObject(bytes: try HDF5Bytes(file))
    try object.header(address)
    return try object.content()
  }

  private init(bytes: HDF5Bytes) { self.bytes = bytes }

  private mutating func header(_ address: UInt64) throws {
    header = try bytes.place(address)
    guard try bytes.text(header, 4) == "OHDR", try bytes.number(header + 4, 1) == 2 else {
      throw Failure("an object that is damaged, or written with a newer HDF5 version than is read here")
    }
    let flags = try bytes.number(header + 5, 1)
    var at = header + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let width = 1 << (flags & 3)
    let size = try bytes.number(at, width)
    at += width
    try bytes.check(header, at + size)
    try messages(at, size, hasOrder: flags & 4 != 0, depth: 0)
  }

  private mutating func messages(_ start: Int, _ size: Int, hasOrder: Bool, depth: Int) throws {
    guard depth < 8 else { throw HDF5Bytes.damaged(start) }
    var at = start
    let prefix = hasOrder ? 6 : 4
    while at + prefix <= start + size {
      budget -= 1
      guard budget >= 0 else { throw HDF5Bytes.damaged(at) }
      let type = try bytes.number(at, 1)
      let length = try bytes.number(at + 1, 2)
      let body = at + prefix
      guard body + length <= start + size else { throw HDF5Bytes.damaged(at) }
      switch type {
      case 0x01: try dataspace(body)
      case 0x03: try datatype(body, length)
      case 0x05: try fill(body)
      case 0x08: layoutAt = body
      case 0x0B: try pipeline(body)
      case 0x10:
        let chunk = try bytes.place(UInt64(try bytes.number(body, 8)))
        let chunkSize = try bytes.number(body + 8, 8)
        guard try bytes.text(chunk, 4) == "OCHK", chunkSize >= 8 else { throw HDF5Bytes.damaged(chunk) }
        try bytes.check(chunk, chunk + chunkSize - 4)
        try messages(chunk + 4, chunkSize - 8, hasOrder: hasOrder, depth: depth + 1)
      default: break
      }
      at = body + length
    }
  }

  private mutating func dataspace(_ at: Int) throws {
    guard try bytes.number(at, 1) == 2 else { throw HDF5Bytes.damaged(at) }
    // A null dataspace has no numbers.
    guard try bytes.number(at + 3, 1) != 2 else { return }
    let rank = try bytes.number(at + 1, 1)
    guard rank <= 32 else { throw HDF5Bytes.damaged(at) }
    shape = try (0..<rank).map { try bytes.number(at + 4 + 8 * $0, 8) }
  }

  private mutating func datatype(_ at: Int, _ length: Int) throws {
    kind = try bytes.number(at, 1) & 0x0F
    // An enumeration (8) of two members, one byte a number, over an integer type of one byte.
    guard kind == 8, length >= 20, try bytes.number(at + 1, 2) == 2, try bytes.number(at + 4, 4) == 1,
      try bytes.number(at + 8, 1) & 0x0F == 0, try bytes.number(at + 12, 4) == 1
    else { return }
    // The base type takes 12 bytes; then both names, each ended by a zero, and both values.
    isBool = try bytes.array(at + 20, length - 20).starts(with: Array("FALSE\0TRUE\0".utf8) + [0, 1])
  }

  /// Whether chunks that nobody wrote stand for something other than zeros.
  private mutating func fill(_ at: Int) throws {
    let (version, flags) = (try bytes.number(at, 1), try bytes.number(at + 1, 1))
    guard version == 3 else {
      hasFill = true
      return
    }
    guard flags & 0x20 != 0 else { return }
    let size = try bytes.number(at + 2, 4)
    hasFill = try bytes.array(at + 6, min(size, 16)).contains { $0 != 0 }
  }

  private mutating func pipeline(_ at: Int) throws {
    guard try bytes.number(at, 1) == 2 else { throw HDF5Bytes.damaged(at) }
    var place = at + 2
    for _ in 0..<(try bytes.number(at + 1, 1)) {
      let id = try bytes.number(place, 2)
      switch id {
      case 1: filters.append(.deflate)
      case 2: filters.append(.shuffle)
      default:
        throw Failure(
          "booleans compressed with the HDF5 filter \(id), which is not read in the newest layout")
      }
      place += 6 + 4 * (try bytes.number(place + 4, 2))
    }
  }

  private func content() throws -> Content {
    let kinds = [
      2: "times", 3: "strings", 4: "bit fields", 5: "opaque bytes", 6: "records", 7: "references",
      8: "an enumeration",
      9: "lists of varying length", 10: "arrays as elements", 11: "complex numbers",
    ]
    guard kind >= 0 else { throw HDF5Bytes.damaged(header) }
    guard let layoutAt else { return .other("a named type") }
    guard isBool else {
      guard let text = kinds[kind] else {
        throw Failure("written with a newer HDF5 version than this build's library reads")
      }
      return .other(text)
    }
    guard let shape else { return .other("an empty (null) dataset") }
    guard let count = checkedByteCount(shape: shape, type: .bool), shape.count <= 16 else {
      throw HDF5Bytes.damaged(header)
    }
    switch try HDF5NewerLayout(bytes, layoutAt) {
    case .stretch(let offset, let size):
      guard size == count, filters.isEmpty else { throw HDF5Bytes.damaged(header) }
      _ = try bytes.file.bytes(offset, count)
      return .bools(shape: shape, offset: offset)
    case .chunks(let index):
      let chunks = try index.chunks(bytes, shape: shape, isFiltered: !filters.isEmpty)
      if hasFill, chunks.contains(where: { $0 == nil }) {
        throw Failure("booleans of which some were never written, in the newest layout")
      }
      return .chunkedBools(
        try HDF5Chunks(shape: shape, lengths: index.lengths, filters: filters, chunks: chunks), shape: shape)
    }
  }
}

/// A file of eight-byte addresses, every read of which is checked.
struct HDF5Bytes {
  let file: MappedFile
  /// Where addresses count from: behind the user block.
  private let base: Int

  /// - Parameter at: the place of what makes no sense.
  static func damaged(_ at: Int) -> Failure {
    Failure("an object of the file is damaged", offset: at, remedy: "fetch the file again")
  }

  /// Finds the superblock; only ones with eight-byte addresses and lengths are read.
  init(_ file: MappedFile) throws {
    self.file = file
    var at = 0
    while at + 16 <= file.count {
      if try file.u64(at) == 0x0A1A_0A0D_4644_4889 {
        guard [2, 3].contains(try file.u16(at + 8) & 0xFF), try file.u16(at + 9) == 0x0808 else {
          throw Self.damaged(at)
        }
        base = at
        return
      }
      at = at == 0 ? 512 : at * 2
    }
    throw Self.damaged(at)
  }

  func array(_ at: Int, _ count: Int) throws -> [UInt8] {
    try file.bytes(at, count).withUnsafeBytes { Array($0) }
  }

  func text(_ at: Int, _ count: Int) throws -> String {
    String(decoding: try array(at, count), as: UTF8.self)
  }

  /// A little-endian number of `width` bytes that fits into the file.
  func number(_ at: Int, _ width: Int) throws -> Int {
    let value = try array(at, width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard value <= UInt64(file.count) else { throw Self.damaged(at) }
    return Int(value)
  }

  /// An address, nil where it is the undefined one.
  func address(_ at: Int) throws -> Int? {
    let value = try file.u64(at)
    return value == .max ? nil : try place(value)
  }

  func place(_ address: UInt64) throws -> Int {
    guard address < UInt64(file.count) else { throw Self.damaged(base) }
    return base + Int(address)
  }

  /// Compares the checksum behind a stretch of metadata: Bob Jenkins's `lookup3`, as libhdf5 has it.
  func check(_ start: Int, _ end: Int) throws {
    guard end > start else { throw Self.damaged(start) }
    let found = UInt32(try file.u32(end))
    guard Lookup3.hash(try array(start, end - start)) == found else { throw Self.damaged(start) }
  }
}
