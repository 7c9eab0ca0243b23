/// An open HDF5 file: its objects, each of which is read once.
final class HDF5File {
  let source: HDF5Source
  private(set) var superblock: HDF5Superblock
  private var headers: [Int: HDF5ObjectHeader] = [:]
  private var groups: [Int: HDF5Group] = [:]
  private var heaps: [Int: HDF5GlobalHeap] = [:]
  private var sharedTable: HDF5SharedMessages?
  /// By the object header's place.
  var attributeCache: [Int: [HDF5Attribute]] = [:]
  /// Names that soft links may still lead through: links that lead in circles, or through each other, end here.
  private var steps = 1 << 16

  init(_ file: MappedFile) throws {
    superblock = try HDF5Superblock(file)
    source = superblock.source
    try readExtension()
  }

  private func readExtension() throws {
    guard let place = superblock.extensionAt else { return }
    let header = try header(place)
    if let message = header[.kValues] {
      var body = message.body
      try body.expect(0, "version")
      let (chunk, group, leaf) = (try body.u16(), try body.u16(), try body.u16())
      guard chunk > 0, group > 0, leaf > 0 else { throw body.damaged() }
      superblock.take(leafK: leaf, groupK: group, chunkK: chunk)
    }
    if let message = header[.driver] {
      throw HDF5Source.unread("a file whose parts are in other files", message.body.at)
    }
    if let message = header[.cacheImage] {
      var body = message.body
      try body.expect(0, "version")
      try body.skip(1)
      guard try body.address() == nil else {
        throw HDF5Source.unread("a file that holds an image of its writer's cache", body.at)
      }
    }
    if let message = header[.sharedTable] { sharedTable = try HDF5SharedMessages(message.body) }
  }

  func header(_ address: Int) throws -> HDF5ObjectHeader {
    if let header = headers[address] { return header }
    let header = try HDF5ObjectHeader(source, address)
    headers[address] = header
    return header
  }

  /// The links of the group at `address`.
  func group(_ address: Int) throws -> HDF5Group {
    if let group = groups[address] { return group }
    let group = try HDF5Group(self, try header(address))
    groups[address] = group
    return group
  }

  func globalHeap(_ address: Int) throws -> HDF5GlobalHeap {
    if let heap = heaps[address] { return heap }
    let heap = try HDF5GlobalHeap(source, address)
    heaps[address] = heap
    return heap
  }

  /// A message's own body, wherever it is.
  func body(_ message: HDF5Message) throws -> HDF5Cursor {
    guard message.isShared else { return message.body }
    var cursor = message.body
    let body = try shared(&cursor, message.kind)
    try message.finish(cursor)
    return body
  }

  /// The body of a message that lies elsewhere (section IV.A.2, "shared message").
  func shared(_ cursor: inout HDF5Cursor, _ kind: HDF5Message.Kind) throws -> HDF5Cursor {
    let at = cursor.at
    let version = try cursor.u8()
    let type = try cursor.u8()
    switch version {
    case 1:
      // A symbol table's entry, of which only the address counts.
      try cursor.skip(6 + source.lengthWidth)
      let place = try cursor.place()
      try cursor.skip(24)
      return try committed(place, kind, at)
    case 2: return try committed(try cursor.place(), kind, at)
    case 3 where type == 1:
      return try sharedMessage(try cursor.take(8), kind)
    case 3: return try committed(try cursor.place(), kind, at)
    default: throw cursor.damaged("a shared message of the unknown version \(version)", at: at)
    }
  }

  /// The shared message of a heap's ID.
  func sharedMessage(_ id: HDF5Cursor, _ kind: HDF5Message.Kind) throws -> HDF5Cursor {
    guard let sharedTable else { throw id.damaged("a shared message without a table of them") }
    return try sharedTable.body(id, kind)
  }

  private func committed(_ address: Int, _ kind: HDF5Message.Kind, _ at: Int) throws -> HDF5Cursor {
    guard let message = try header(address)[kind], !message.isShared else {
      throw HDF5Source.damaged("a shared message is not where it should be", at)
    }
    return message.body
  }

  /// A type, and what its message may be filled up with.
  func datatype(_ message: HDF5Message) throws -> HDF5Datatype {
    var body = try body(message)
    let type = try HDF5Datatype(&body)
    if !message.isShared { try message.finish(body) }
    return type
  }

  /// Where a path leads.
  enum Target {
    /// An object header's place.
    case object(Int)
    case external
    case nowhere
  }

  /// Follows `path` from the group at `start`, through soft links too.
  func resolve(_ path: [UInt8], from start: Int) throws -> Target {
    var hops = 16
    steps += 64
    return try resolve(path, from: start, &hops)
  }

  private func resolve(_ path: [UInt8], from start: Int, _ hops: inout Int) throws -> Target {
    var at = path.first == UInt8(ascii: "/") ? superblock.root : start
    for part in path.prefix(while: { $0 != 0 }).split(separator: UInt8(ascii: "/"))
    where part != [UInt8(ascii: ".")] {
      steps -= 1
      guard steps > 0 else { throw HDF5Source.damaged("soft links lead through too many names", nil) }
      guard HDF5Group.isGroup(try header(at)), let link = try group(at)[part] else { return .nowhere }
      switch link.target {
      case .hard(let place): at = place
      case .soft(let text):
        hops -= 1
        guard hops >= 0 else { return .nowhere }
        guard case .object(let place) = try resolve(text, from: at, &hops) else { return .nowhere }
        at = place
      case .external: return .external
      case .other: return .nowhere
      }
    }
    return .object(at)
  }
}
