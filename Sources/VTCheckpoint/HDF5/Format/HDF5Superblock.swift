import VTCore

/// The superblock: what the whole file is read by (HDF5 File Format Specification 3.0, section II).
struct HDF5Superblock {
  let source: HDF5Source
  /// The root group's object header.
  let root: Int
  /// What the root's symbol table entry says of its B-tree and heap, in files of versions 0 and 1.
  private(set) var rootTable: HDF5SymbolTable.Places?
  /// Half of the most entries of a symbol table node, and of the most children of B-tree nodes.
  private(set) var leafK = 4
  private(set) var groupK = 16
  private(set) var chunkK = 32
  /// The object header with what does not fit here.
  private(set) var extensionAt: Int?

  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

  /// The signature's place: 0, or after a user block 512, 1024, 2048, ...
  static func find(_ file: MappedFile) throws -> Int? {
    var at = 0
    while at <= file.count - 8 {
      if try file.bytes(at, 8).withUnsafeBytes({ $0.elementsEqual(signature) }) { return at }
      at = at == 0 ? 512 : at * 2
    }
    return nil
  }

  init(_ file: MappedFile) throws {
    guard let start = try Self.find(file) else {
      throw Failure("not an HDF5 file", hint: "the file is damaged or of another format; fetch it again")
    }
    // Read with the widest numbers until the file has said its own.
    let whole = HDF5Source(file, base: 0, end: file.count, offsetWidth: 8, lengthWidth: 8)
    var head = try whole.cursor(from: start, of: "the superblock")
    try head.skip(8)
    let version = try head.u8()
    let isOld = version < 2
    guard version <= 3 else {
      throw HDF5Source.unread("a superblock of version \(version), newer than is read here", start + 8)
    }
    if isOld {
      // Versions of the free-space list, the root's entry, a reserved byte, and of shared messages.
      for name in ["version of free space", "version of the root", "reserved byte", "version of messages"] {
        try head.expect(0, name)
      }
    }
    let (offsetWidth, lengthWidth) = (try head.u8(), try head.u8())
    guard [2, 4, 8].contains(offsetWidth), [2, 4, 8].contains(lengthWidth) else {
      throw HDF5Source.unread(
        "addresses of \(offsetWidth) and lengths of \(lengthWidth) bytes", start + (isOld ? 13 : 9))
    }
    var flags = 0
    if isOld {
      try head.expect(0, "reserved byte")
      (leafK, groupK) = (try head.u16(), try head.u16())
      try head.skip(4)
      if version == 1 {
        chunkK = try head.u16()
        try head.zeros(2)
      }
      guard leafK > 0, groupK > 0, chunkK > 0 else { throw head.damaged() }
    } else {
      flags = try head.u8()
    }
    let base = try head.int(offsetWidth)
    try head.skip(offsetWidth)
    let end = try head.int(offsetWidth)
    guard end >= base, end - base <= Int.max - start else { throw head.damaged() }
    guard end - base <= file.count - start else {
      throw Failure(
        "the file ends before the data does (\(start + end - base) bytes wanted, the file has \(file.count))",
        offset: file.count, hint: "the file is truncated; fetch it again")
    }
    let source = HDF5Source(
      file, base: start, end: start + end - base, offsetWidth: offsetWidth, lengthWidth: lengthWidth)
    self.source = source
    var rest = try source.cursor(from: head.at, of: "the superblock")
    if isOld {
      guard try rest.address() == nil else {
        throw HDF5Source.unread("a file whose parts are in other files", head.at)
      }
      let entry = try HDF5SymbolTable.Entry(&rest)
      guard let root = entry.header else { throw rest.damaged("the root group has no address") }
      self.root = root
      rootTable = entry.table
    } else {
      // Bits 0 and 2: a writer has, or had, the file open.
      guard version == 2 || flags & 5 == 0 else {
        throw Failure(
          "the program that wrote the file did not close it", offset: start + 11,
          hint: "close it there, or run h5clear -s on it")
      }
      var again = try source.cursor(start + 12 + offsetWidth, offsetWidth, of: "the superblock")
      extensionAt = try again.address()
      root = try rest.place()
      try source.check(start, rest.at, of: "the superblock")
      try rest.skip(4)
    }
    try source.extents.claim(start, rest.at - start, "the superblock")
  }

  /// Takes over what the superblock's extension says.
  mutating func take(leafK: Int, groupK: Int, chunkK: Int) {
    (self.leafK, self.groupK, self.chunkK) = (leafK, groupK, chunkK)
  }
}
