import VTCore

/// The index of chunks in files of the older format: a B-tree whose keys are the chunks' places in the dataset (section
/// III.A.1). There are no checksums, so all keys that are stored twice are compared.
struct HDF5ChunkTree {
  private struct Key: Equatable {
    let size: Int
    let mask: UInt32
    /// Along each axis, in numbers, and then within the number.
    let place: [UInt64]
    let at: Int

    init(_ cursor: inout HDF5Cursor, rank: Int) throws {
      at = cursor.at
      size = try cursor.u32()
      mask = UInt32(truncatingIfNeeded: try cursor.u32())
      place = try (0...rank).map { _ in try cursor.number(8) }
    }
  }

  private let index: HDF5ChunkIndex
  private(set) var chunks: [HDF5Chunk] = []
  private var levels: [Int: HDF5Siblings] = [:]
  private var visited: Set<Int> = []

  init(_ index: HDF5ChunkIndex, _ address: Int) throws {
    self.index = index
    try node(address, level: nil, keys: nil, isLast: true)
    for siblings in levels.values { try siblings.finish() }
  }

  private mutating func node(_ address: Int, level expected: Int?, keys: (Key, Key)?, isLast: Bool) throws {
    let source = index.source
    guard visited.insert(address).inserted else {
      throw HDF5Source.damaged("a dataset's tree leads back to a node", address)
    }
    let rank = index.grid.shape.count
    let most = 2 * index.chunkK
    let size = 8 + 2 * source.offsetWidth + most * source.offsetWidth + (most + 1) * (16 + 8 * rank)
    var cursor = try source.claim(address, size, as: "a dataset's tree")
    try cursor.expect("TREE")
    try cursor.expect(1, "kind of tree")
    let level = try cursor.u8()
    let count = try cursor.u16()
    guard expected == nil || level == expected, count <= most, count > 0 || expected == nil else {
      throw cursor.damaged("a dataset's tree has a node that cannot be", at: address)
    }
    levels[level, default: HDF5Siblings()].note(
      address, left: try cursor.address(), right: try cursor.address())
    try levels[level]?.check()
    var left = try Key(&cursor, rank: rank)
    if count == 0 {
      guard try cursor.number(source.offsetWidth) == 0 || left.size == 0 || index.grid.count == 0 else {
        throw cursor.damaged("a dataset's tree counts fewer chunks than it has", at: address)
      }
      return
    }
    if let keys, keys.0.place != left.place { throw mismatch(left) }
    for number in 0..<count {
      let child = try cursor.place()
      let right = try Key(&cursor, rank: rank)
      if level > 0 {
        try node(child, level: level - 1, keys: (left, right), isLast: isLast && number == count - 1)
      } else {
        try add(left, child)
      }
      left = right
    }
    // After the last chunk comes a key that no chunk has.
    guard (left.place[rank] != 0) == isLast else { throw mismatch(left) }
    if let keys, keys.1.place != left.place { throw mismatch(left) }
  }

  private func mismatch(_ key: Key) -> Failure {
    HDF5Source.damaged("a dataset's tree and its chunks do not fit", key.at)
  }

  private mutating func add(_ key: Key, _ place: Int) throws {
    let grid = index.grid
    var scaled: [Int] = []
    for (axis, side) in grid.lengths.enumerated() {
      guard let first = Int(exactly: key.place[axis]), first % side == 0 else { throw mismatch(key) }
      scaled.append(first / side)
    }
    guard key.place[grid.shape.count] == 0, let cell = grid.cell(scaled) else {
      throw HDF5Source.damaged("a chunk lies outside of the shape", key.at)
    }
    guard cell > chunks.last?.cell ?? -1 else {
      throw HDF5Source.damaged("a dataset's chunks are not in order", key.at)
    }
    chunks.append(try index.chunk(cell, place, packed: key.size, mask: key.mask, key.at))
  }
}
