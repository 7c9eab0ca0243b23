/// A named value of an object (section IV.A.2.m).
struct HDF5Attribute {
  let nameBytes: [UInt8]
  let type: HDF5Datatype
  let space: HDF5Dataspace
  private let values: HDF5Cursor

  var name: String { String(decoding: nameBytes, as: UTF8.self) }

  /// - Parameter isPadded: whether the message may be filled up.
  init(_ message: HDF5Cursor, _ file: HDF5File, isPadded: Bool) throws {
    var body = message
    let at = body.at
    let version = try body.u8()
    let flags = try body.u8()
    guard (1...3).contains(version), version > 1 ? flags & ~3 == 0 : flags == 0 else {
      throw body.damaged("an attribute of the unknown version \(version)", at: at)
    }
    let (nameSize, typeSize, spaceSize) = (try body.u16(), try body.u16(), try body.u16())
    if version == 3, try body.u8() > 1 {
      throw body.damaged("an attribute's text is of an unknown kind", at: at)
    }
    func part(_ size: Int) throws -> HDF5Cursor {
      let part = try body.take(size)
      if version == 1 { try body.skip(min((8 - size % 8) % 8, body.remaining)) }
      return part
    }
    var nameBytes = try part(nameSize)
    self.nameBytes = try nameBytes.text()
    guard nameBytes.remaining == 0 else { throw nameBytes.damaged("an attribute's name ends early", at: at) }
    var typeBytes = try part(typeSize)
    if flags & 1 != 0 { typeBytes = try file.shared(&typeBytes, .datatype) }
    type = try HDF5Datatype(&typeBytes)
    var spaceBytes = try part(spaceSize)
    if flags & 2 != 0 { spaceBytes = try file.shared(&spaceBytes, .dataspace) }
    space = try HDF5Dataspace(&spaceBytes)
    guard typeBytes.remaining < 8, spaceBytes.remaining < 8 else {
      throw body.damaged("an attribute's type or shape is longer than it says", at: at)
    }
    guard let count = space.count,
      case let (size, overflow) = count.multipliedReportingOverflow(by: type.size),
      !overflow, size <= body.remaining, body.remaining - size < (isPadded ? 8 : 1)
    else { throw body.damaged("an attribute's values are not as many as its shape says", at: at) }
    values = try body.take(size)
  }

  /// The strings, one for a scalar; nil if the values are not strings.
  func strings(_ file: HDF5File) throws -> [String]? {
    guard let count = space.count, count > 0 else { return [] }
    var values = values
    switch type.kind {
    case .string(let padding):
      return try (0..<count).map { _ in
        let cell = try values.bytes(type.size)
        let end = padding == 2 ? cell.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? 0 : cell.firstIndex(of: 0)
        return String(decoding: cell[..<(end ?? cell.count)], as: UTF8.self)
      }
    case .variable(isString: true, _):
      return try (0..<count).map { _ in
        let at = values.at
        let length = try values.u32()
        let heap = try values.address()
        let index = try values.u32()
        guard let heap, heap != file.source.base else {
          guard length == 0 else { throw values.damaged("an attribute's text has no place", at: at) }
          return ""
        }
        guard let object = try file.globalHeap(heap)[index], length == object.remaining else {
          if length == 0, index == 0 { return "" }
          throw values.damaged("an attribute's text is not in its heap", at: at)
        }
        var text = object
        return String(decoding: try text.bytes(length).prefix { $0 != 0 }, as: UTF8.self)
      }
    default: return nil
    }
  }
}

/// The attributes of an object, read when asked for.
extension HDF5File {
  func attributes(_ header: HDF5ObjectHeader) throws -> [HDF5Attribute] {
    if let known = attributeCache[header.address] { return known }
    var found: [HDF5Attribute] = []
    for message in header.messages where message.kind == .attribute {
      found.append(try HDF5Attribute(try body(message), self, isPadded: message.isPadded))
    }
    if let message = header[.attributeInfo] {
      var body = message.body
      try body.expect(0, "version")
      let flags = try body.u8()
      if flags & 1 != 0 { try body.skip(2) }
      let heap = try body.address()
      let tree = try body.address()
      if flags & 2 != 0 { _ = try body.address() }
      try message.finish(body)
      if let heap {
        guard let tree, found.isEmpty else { throw body.damaged("an object with attributes in two places") }
        found = try dense(heap, tree)
      }
    }
    guard Set(found.map(\.nameBytes)).count == found.count else {
      throw HDF5Source.damaged("an object has two attributes of one name", header.address)
    }
    attributeCache[header.address] = found
    return found
  }

  private func dense(_ heap: Int, _ tree: Int) throws -> [HDF5Attribute] {
    let heap = try HDF5FractalHeap(source, heap)
    return try HDF5BTree2(source, tree, kind: 8).records.map { record in
      var record = record
      var id = try record.take(8)
      let flags = try record.u8()
      try record.skip(4)
      let hash = try record.u32()
      // Bit 1: the attribute itself is shared.
      let body =
        flags & 2 != 0
        ? try sharedMessage(id, .attribute) : try heap.object(try id.take(min(8, heap.idLength)))
      let attribute = try HDF5Attribute(body, self, isPadded: false)
      guard hash == Int(Lookup3.hash(attribute.nameBytes)) else {
        throw record.damaged("an object's tree and its attributes do not fit", at: body.at)
      }
      return attribute
    }
  }
}
