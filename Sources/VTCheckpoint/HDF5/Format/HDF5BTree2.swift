/// A B-tree of the newer format (section III.A.2): records of one size, in order, with a checksum in every node.
struct HDF5BTree2 {
  private let source: HDF5Source
  private let kind: Int
  private let nodeSize: Int
  private let recordSize: Int
  /// Bytes of a child's number of records.
  private let countWidth: Int
  /// By level: bytes of a subtree's number of records, the most records of a node, and of a subtree.
  private var levels: [(width: Int, most: Int)] = []
  private(set) var records: [HDF5Cursor] = []
  private var nodes: Set<Int> = []

  /// - Parameter kind: what records are (1 large objects, 5 and 8 names, 10 and 11 chunks).
  init(_ source: HDF5Source, _ address: Int, kind: Int) throws {
    (self.source, self.kind) = (source, kind)
    var head = try source.cursor(from: address, of: "a tree")
    try head.expect("BTHD")
    try head.expect(0, "version")
    try head.expect(kind, "kind of tree")
    nodeSize = try head.u32()
    recordSize = try head.u16()
    let depth = try head.u16()
    try head.skip(2)
    let root = try head.address()
    let rootCount = try head.u16()
    let count = try head.length()
    try source.check(address, head.at, of: "a tree")
    try source.extents.claim(address, head.at + 4 - address, "a tree")
    guard recordSize > 0, nodeSize >= 10 + recordSize, depth <= 32 else {
      throw head.damaged("a tree's head makes no sense", at: address)
    }
    func width(_ most: Int) -> Int { (Int.bitWidth - 1 - most.leadingZeroBitCount) / 8 + 1 }
    var (most, sum) = ((nodeSize - 10) / recordSize, (nodeSize - 10) / recordSize)
    countWidth = width(most)
    levels.append((width: 0, most: most))
    for level in 0..<depth {
      let pointer = source.offsetWidth + countWidth + levels[level].width
      most = (nodeSize - 10 - pointer) / (recordSize + pointer)
      let (product, overflow) = sum.multipliedReportingOverflow(by: most + 1)
      guard most > 0, !overflow, product < Int.max / 2 else {
        throw head.damaged("a tree too deep", at: address)
      }
      sum = product + most
      levels.append((width: width(sum), most: most))
    }
    if let root {
      guard rootCount > 0 else { throw head.damaged("a tree's root is empty", at: address) }
      try read(root, level: depth, count: rootCount)
    }
    guard records.count == count else {
      throw head.damaged("a tree counts \(count) records and holds \(records.count)", at: address)
    }
  }

  private mutating func read(_ at: Int, level: Int, count: Int) throws {
    guard nodes.insert(at).inserted else { throw HDF5Source.damaged("a tree leads back to a node", at) }
    var cursor = try source.claim(at, nodeSize, as: "a tree's node")
    if level == 0 { try cursor.expect("BTLF") } else { try cursor.expect("BTIN") }
    try cursor.expect(0, "version")
    try cursor.expect(kind, "kind of tree")
    guard count <= levels[level].most else {
      throw cursor.damaged("a tree's node has \(count) records", at: at)
    }
    var own = try cursor.take(count * recordSize)
    var children: [(Int, Int, Int?)] = []
    if level > 0 {
      let width = levels[level - 1].width
      for _ in 0...count {
        children.append(
          (try cursor.place(), try cursor.int(countWidth), level > 1 ? try cursor.int(width) : nil))
      }
    }
    try source.check(at, cursor.at, of: "a tree's node")
    guard level > 0 else {
      for _ in 0..<count { records.append(try own.take(recordSize)) }
      return
    }
    for (place, count, total) in children {
      let before = records.count
      try read(place, level: level - 1, count: count)
      guard total == nil || records.count - before == total else {
        throw cursor.damaged("a tree's node counts wrongly", at: at)
      }
      if own.remaining > 0 { records.append(try own.take(recordSize)) }
    }
  }
}
