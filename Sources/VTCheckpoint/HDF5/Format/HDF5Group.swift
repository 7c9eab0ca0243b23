/// A group's links, in the order of their names' bytes.
struct HDF5Group {
  let links: [HDF5Link]

  static func isGroup(_ header: HDF5ObjectHeader) -> Bool {
    header[.symbolTable] != nil || header[.linkInfo] != nil
  }

  /// Refuses a header with messages of something else: without a checksum, those were another kind once.
  static func check(_ header: HDF5ObjectHeader) throws {
    // A header of version 1 counts its links itself.
    let own: Set<HDF5Message.Kind> = [.symbolTable, .linkInfo, .link, .attribute, .attributeInfo]
    guard let other = header.messages.first(where: { !own.contains($0.kind) }) else { return }
    throw other.body.damaged("a group has a message of something else")
  }

  /// What a group's header says of its symbol table.
  static func table(_ header: HDF5ObjectHeader) throws -> HDF5SymbolTable.Places? {
    guard let message = header[.symbolTable] else { return nil }
    var body = message.body
    let places = HDF5SymbolTable.Places(tree: try body.place(), heap: try body.place())
    try message.finish(body)
    return places
  }

  init(_ file: HDF5File, _ header: HDF5ObjectHeader) throws {
    if header.version == 1 { try Self.check(header) }
    if let places = try Self.table(header) {
      guard header[.linkInfo] == nil, !header.messages.contains(where: { $0.kind == .link }) else {
        throw HDF5Source.damaged("a group of two formats", header.address)
      }
      links = try HDF5SymbolTable(places, file.superblock).links
      return
    }
    guard let message = header[.linkInfo] else { throw HDF5Source.damaged("no group", header.address) }
    var body = message.body
    try body.expect(0, "version")
    let flags = try body.u8()
    if flags & 1 != 0 { try body.skip(8) }
    let heap = try body.address()
    let tree = try body.address()
    if flags & 2 != 0 { _ = try body.address() }
    try message.finish(body)
    var links: [HDF5Link] = []
    for message in header.messages where message.kind == .link {
      var body = message.body
      links.append(try HDF5Link(&body))
      try message.finish(body)
    }
    if let heap {
      guard let tree, links.isEmpty else { throw message.body.damaged("a group with links in two places") }
      let heap = try HDF5FractalHeap(file.source, heap)
      for var record in try HDF5BTree2(file.source, tree, kind: 5).records {
        let hash = try record.u32()
        var object = try heap.object(try record.take(min(record.remaining, heap.idLength)))
        let link = try HDF5Link(&object)
        guard hash == Int(Lookup3.hash(link.name)) else {
          throw record.damaged("a group's tree and its links do not fit", at: link.at)
        }
        links.append(link)
      }
    }
    links.sort { $0.name.lexicographicallyPrecedes($1.name) }
    for (one, next) in zip(links, links.dropFirst()) where one.name == next.name {
      throw HDF5Source.damaged("a group has two links of one name", next.at)
    }
    self.links = links
  }

  subscript<Name: Collection<UInt8>>(name: Name) -> HDF5Link? {
    var (low, high) = (0, links.count)
    while low < high {
      let middle = (low + high) / 2
      if links[middle].name.lexicographicallyPrecedes(name) { low = middle + 1 } else { high = middle }
    }
    return low < links.count && links[low].name.elementsEqual(name) ? links[low] : nil
  }
}
