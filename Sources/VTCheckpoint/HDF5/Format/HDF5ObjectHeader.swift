/// One message of an object header.
struct HDF5Message {
  enum Kind: Int {
    case null, dataspace, linkInfo, datatype, oldFill, fill, link, externalFiles, layout, bogus, groupInfo
    case pipeline, attribute, comment, oldModified, sharedTable, continuation, symbolTable, modified
    case kValues, driver, attributeInfo, linkCount, freeSpace, cacheImage
  }

  let kind: Kind
  /// Bit 1: the body says where the message itself is.
  let isShared: Bool
  let body: HDF5Cursor
  /// Whether the message fills its place up to a multiple of eight bytes.
  let isPadded: Bool

  /// Refuses bytes after what a message holds, but those that fill it up.
  func finish(_ cursor: HDF5Cursor) throws {
    var rest = cursor
    guard isPadded ? rest.remaining < 8 : rest.remaining == 0 else {
      throw rest.damaged("\(rest.what) is longer than what it holds")
    }
    try rest.skip(rest.remaining)
  }
}

/// The messages that describe an object (sections IV.A.1.a and IV.A.1.b).
struct HDF5ObjectHeader {
  let address: Int
  let version: Int
  /// How many links and users the object says it has.
  private(set) var linkCount = 1
  private(set) var messages: [HDF5Message] = []

  /// Bytes of a file that one header may take: more than any library writes, and what may be read again and again.
  private static let most = 1 << 24
  private var blocks: [(Int, Int)] = []
  private var size = 0

  init(_ source: HDF5Source, _ address: Int) throws {
    self.address = address
    var head = try source.cursor(from: address, of: "an object header")
    if try head.number(min(4, head.remaining)) == 0x5244_484F {  // OHDR
      version = 2
      try readVersion2(source)
    } else {
      version = 1
      try readVersion1(source)
    }
    var seen: Set<Int> = []
    for message in messages where ![.null, .link, .attribute].contains(message.kind) {
      guard seen.insert(message.kind.rawValue).inserted else {
        throw message.body.damaged("an object header has two messages of one kind")
      }
    }
  }

  subscript(kind: HDF5Message.Kind) -> HDF5Message? { messages.first { $0.kind == kind } }

  private mutating func readVersion1(_ source: HDF5Source) throws {
    var head = try source.cursor(address, 16, of: "an object header")
    try head.expect(1, "version")
    try head.expect(0, "reserved byte")
    // The number of messages; libraries before 1.8 miscounted.
    _ = try head.u16()
    linkCount = try head.u32()
    let size = try head.u32()
    try head.zeros(4)
    try source.extents.claim(address, 16, "an object header")
    blocks = [(address + 16, size)]
    var next = 0
    while next < blocks.count {
      let (start, size) = blocks[next]
      next += 1
      try grow(size, start)
      var cursor = try source.claim(start, size, as: "an object header")
      var isEmpty = false
      while cursor.remaining > 0 {
        let place = cursor.at
        let type = try cursor.u16()
        let length = try cursor.u16()
        let flags = try cursor.u8()
        try cursor.zeros(3)
        guard length % 8 == 0 else {
          throw cursor.damaged("a message's length is not a multiple of eight", at: place)
        }
        guard let kind = HDF5Message.Kind(rawValue: type) else {
          throw cursor.damaged("an object header has a message of the unknown kind \(type)", at: place)
        }
        // Libraries make one of deleted messages side by side: many of no length are bytes of something else.
        let wasEmpty = isEmpty
        isEmpty = kind == .null && length == 0
        guard !(isEmpty && wasEmpty) else {
          throw cursor.damaged("an object header has no messages where it should have", at: place)
        }
        try add(kind, flags, try cursor.take(length), isPadded: true)
      }
    }
  }

  private mutating func readVersion2(_ source: HDF5Source) throws {
    var head = try source.cursor(from: address, of: "an object header")
    try head.skip(4)
    try head.expect(2, "version")
    let flags = try head.u8()
    guard flags & 0xC0 == 0 else { throw head.damaged(at: head.at - 1) }
    try head.skip((flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0))
    let length = try head.int(1 << (flags & 3))
    var first = try head.take(length)
    try grow(length, address)
    try source.check(address, first.end, of: "an object header")
    try source.extents.claim(address, first.end + 4 - address, "an object header")
    try read(&first, hasOrder: flags & 4 != 0)
    var next = 0
    while next < blocks.count {
      let (start, size) = blocks[next]
      next += 1
      try grow(size, start)
      var cursor = try source.claim(start, size, as: "an object header's continuation")
      guard size >= 8 else { throw cursor.damaged() }
      try cursor.expect("OCHK")
      try source.check(start, start + size - 4, of: "an object header's continuation")
      var body = try cursor.take(size - 8)
      try read(&body, hasOrder: flags & 4 != 0)
    }
    if let message = self[.linkCount] {
      var body = message.body
      try body.expect(0, "version")
      linkCount = try body.u32()
    }
  }

  private mutating func read(_ cursor: inout HDF5Cursor, hasOrder: Bool) throws {
    let prefix = hasOrder ? 6 : 4
    while cursor.remaining >= prefix {
      let place = cursor.at
      let type = try cursor.u8()
      let length = try cursor.u16()
      let flags = try cursor.u8()
      if hasOrder { try cursor.skip(2) }
      let body = try cursor.take(length)
      guard let kind = HDF5Message.Kind(rawValue: type) else {
        // Bit 7: whoever does not know the message must not read the object.
        guard flags & 0x80 == 0 else {
          throw HDF5Source.unread("an object with a message of the unknown kind \(type)", place)
        }
        continue
      }
      try add(kind, flags, body, isPadded: false)
    }
    // Fewer bytes than a message's head are a gap.
    try cursor.zeros(cursor.remaining)
  }

  private mutating func add(_ kind: HDF5Message.Kind, _ flags: Int, _ body: HDF5Cursor, isPadded: Bool) throws
  {
    let message = HDF5Message(kind: kind, isShared: flags & 2 != 0, body: body, isPadded: isPadded)
    switch kind {
    case .continuation:
      var body = body
      let start = try body.place()
      blocks.append((start, try body.length()))
      try message.finish(body)
    // What was deleted may still be there.
    case .null: break
    case .comment, .oldModified, .modified, .groupInfo:
      if version == 1 { try checkUnused(message) }
    default: messages.append(message)
    }
  }

  /// Messages that do not describe tensors: without a checksum, an unintelligible one may be a damaged one of another kind.
  private func checkUnused(_ message: HDF5Message) throws {
    var body = message.body
    switch message.kind {
    case .comment:
      guard try body.text().allSatisfy({ $0 >= 0x20 || [9, 10, 13].contains($0) }) else {
        throw body.damaged()
      }
    case .oldModified:
      guard try body.bytes(14).allSatisfy({ (0x30...0x39).contains($0) }) else { throw body.damaged() }
      try body.zeros(2)
    case .modified:
      try body.expect(1, "version")
      try body.zeros(3)
      try body.skip(4)
    default:
      try body.expect(0, "version")
      let flags = try body.u8()
      guard flags & ~3 == 0 else { throw body.damaged() }
      try body.skip((flags & 1 != 0 ? 4 : 0) + (flags & 2 != 0 ? 4 : 0))
    }
    try message.finish(body)
  }

  private mutating func grow(_ count: Int, _ at: Int) throws {
    size += count
    guard count <= Self.most, size <= Self.most else {
      throw HDF5Source.damaged("an object header of more than 16 MB", at)
    }
  }
}
