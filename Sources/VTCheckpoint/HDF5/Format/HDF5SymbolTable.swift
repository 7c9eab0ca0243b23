/// A group's links as files of the older format hold them: a B-tree of sorted nodes, and a heap with the names
/// (sections III.A.1, III.B and III.C). There are no checksums, so everything that is stored twice is compared.
struct HDF5SymbolTable {
  struct Places: Equatable {
    let tree: Int
    let heap: Int
  }

  /// One link.
  struct Entry {
    let name: Int
    let header: Int?
    /// What is repeated here of a group's own header.
    private(set) var table: Places?
    /// Where a soft link's text is in the heap.
    private(set) var soft: Int?
    let at: Int

    init(_ cursor: inout HDF5Cursor) throws {
      at = cursor.at
      name = try cursor.length()
      header = try cursor.address()
      let kind = try cursor.u32()
      try cursor.zeros(4)
      var scratch = try cursor.take(16)
      switch kind {
      case 0: break
      case 1: table = Places(tree: try scratch.place(), heap: try scratch.place())
      case 2: soft = try scratch.u32()
      default: throw cursor.damaged("a link of the unknown kind \(kind)", at: at)
      }
    }

    static func size(_ source: HDF5Source) -> Int { source.lengthWidth + source.offsetWidth + 24 }
  }

  private let source: HDF5Source
  private let leafK: Int
  private let groupK: Int
  private var heap: HDF5LocalHeap
  private(set) var links: [HDF5Link] = []
  private var levels: [Int: HDF5Siblings] = [:]
  private var visited: Set<Int> = []

  /// Reads all links, in the order of their names.
  init(_ places: Places, _ superblock: HDF5Superblock) throws {
    source = superblock.source
    (leafK, groupK) = (superblock.leafK, superblock.groupK)
    heap = try HDF5LocalHeap(source, places.heap)
    let level = try node(places.tree, level: nil)
    for siblings in levels.values { try siblings.finish() }
    try tail(places.tree, level: level)
    try heap.finish()
  }

  private var nodeSize: Int {
    8 + 2 * source.offsetWidth + 2 * groupK * source.offsetWidth + (2 * groupK + 1) * source.lengthWidth
  }

  /// Reads what is below a B-tree's node.
  /// - Returns: its level.
  @discardableResult
  private mutating func node(_ address: Int, level expected: Int?) throws -> Int {
    guard visited.insert(address).inserted else {
      throw HDF5Source.damaged("a group's tree leads back to a node", address)
    }
    var cursor = try source.claim(address, nodeSize, as: "a group's tree")
    try cursor.expect("TREE")
    try cursor.expect(0, "kind of tree")
    let level = try cursor.u8()
    guard expected == nil || level == expected else { throw cursor.damaged("a tree's levels do not follow") }
    let count = try cursor.u16()
    guard count <= 2 * groupK, count > 0 || expected == nil else {
      throw cursor.damaged("a group's tree has a node of \(count) children")
    }
    levels[level, default: HDF5Siblings()].note(
      address, left: try cursor.address(), right: try cursor.address())
    try levels[level]?.check()
    try cursor.skip(source.lengthWidth)
    for _ in 0..<count {
      let child = try cursor.place()
      let right = try cursor.length()
      if level > 0 {
        try node(child, level: level - 1)
      } else {
        try symbols(child)
      }
      // The key after a child is its last name. The one in front may be out of date where links were deleted.
      guard try heap.name(right) == links.last?.name else {
        throw cursor.damaged("a group's tree and its nodes do not fit", at: cursor.at)
      }
    }
    return level
  }

  private mutating func symbols(_ address: Int) throws {
    let size = Entry.size(source)
    var cursor = try source.claim(address, 8 + 2 * leafK * size, as: "a group's node")
    try cursor.expect("SNOD")
    try cursor.expect(1, "version")
    try cursor.expect(0, "reserved byte")
    let count = try cursor.u16()
    guard (1...2 * leafK).contains(count) else { throw cursor.damaged("a group's node has \(count) links") }
    for _ in 0..<count {
      let entry = try Entry(&cursor)
      let name = try heap.take(entry.name)
      if let last = links.last, !last.name.lexicographicallyPrecedes(name) {
        throw cursor.damaged("a group's links are not in order", at: entry.at)
      }
      let target: HDF5Link.Target
      if let soft = entry.soft {
        guard entry.header == nil || entry.header == source.base else {
          throw cursor.damaged("a soft link has an object's address", at: entry.at)
        }
        target = .soft(try heap.take(soft))
      } else {
        guard let header = entry.header else {
          throw cursor.damaged("a link leads to no object", at: entry.at)
        }
        target = .hard(header)
      }
      links.append(try HDF5Link(name: name, target: target, table: entry.table, at: entry.at))
    }
  }

  /// Nodes after the last one that a node counts, with names that nobody has: the count is damaged.
  private func tail(_ address: Int, level: Int) throws {
    var cursor = try source.cursor(address, nodeSize, of: "a group's tree")
    try cursor.skip(6)
    let count = try cursor.u16()
    guard count < 2 * groupK else { return }
    try cursor.skip(
      2 * source.offsetWidth + count * (source.offsetWidth + source.lengthWidth) + source.lengthWidth)
    guard var child = try? cursor.address() else { return }
    for level in stride(from: level - 1, through: 0, by: -1) {
      guard var below = try? source.cursor(child, nodeSize, of: "a tree"), (try? below.expect("TREE")) != nil,
        (try? below.u8()) == 0, (try? below.u8()) == level,
        (try? below.skip(2 + 2 * source.offsetWidth + source.lengthWidth)) != nil,
        let next = try? below.address()
      else { return }
      child = next
    }
    guard var node = try? source.cursor(child, 8 + 2 * leafK * Entry.size(source), of: "a node"),
      (try? node.expect("SNOD")) != nil, (try? node.skip(2)) != nil, let symbols = try? node.u16(),
      (1...2 * leafK).contains(symbols)
    else { return }
    for _ in 0..<symbols {
      guard let entry = try? Entry(&node), heap.isLost(entry.name),
        (try? heap.name(entry.name))?.isEmpty == false
      else { return }
    }
    throw HDF5Source.damaged("a group's tree counts fewer nodes than it has", address)
  }
}

/// Whether a B-tree's nodes of one level name each other as neighbours.
struct HDF5Siblings {
  private var last: (address: Int, right: Int?)?
  private var isBroken = false

  mutating func note(_ address: Int, left: Int?, right: Int?) {
    if left != last?.address || (last != nil && last?.right != address) { isBroken = true }
    last = (address, right)
  }

  func check() throws {
    if isBroken {
      throw HDF5Source.damaged("a tree's nodes do not name each other as neighbours", last?.address)
    }
  }

  func finish() throws {
    guard last?.right == nil else {
      throw HDF5Source.damaged("a tree's last node has a neighbour", last?.address)
    }
  }
}
