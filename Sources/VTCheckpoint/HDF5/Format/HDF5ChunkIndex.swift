/// A chunk of a dataset.
struct HDF5Chunk: Sendable {
  /// Its place in the grid of chunks, row-major.
  let cell: Int
  let place: Int
  let size: Int
  /// Filters that the chunk went without: bit i for the i-th.
  let mask: UInt32
}

/// How chunks lie side by side, and which of them there can be.
struct HDF5ChunkGrid: Sendable {
  let shape: [Int]
  let lengths: [Int]
  /// Chunks along each axis.
  let counts: [Int]
  /// The same for the most that the shape may grow to; nil for without end.
  let most: [Int?]
  let count: Int
  /// Bytes of an unpacked chunk.
  let chunkBytes: Int

  /// - Precondition: the shape's numbers can be counted.
  init(_ space: HDF5Dataspace, _ layout: HDF5ChunkLayout) throws {
    guard layout.lengths.count == space.shape.count else {
      throw HDF5Source.damaged("a dataset's chunks have another rank than its shape", layout.address)
    }
    func parts(_ length: Int, _ side: Int) -> Int { length == 0 ? 0 : (length - 1) / side + 1 }
    (shape, lengths) = (space.shape, layout.lengths)
    counts = zip(shape, lengths).map { parts($0, $1) }
    most = zip(space.most, lengths).map { most, side in most.map { parts($0, side) } }
    // No more than there are numbers, unless an axis is empty.
    count = counts.contains(0) ? 0 : counts.reduce(1, *)
    chunkBytes = lengths.reduce(layout.width, *)
  }

  /// The chunk's first number along each axis.
  func first(_ cell: Int) -> [Int] {
    var (first, rest) = (counts, cell)
    for axis in counts.indices.reversed() {
      first[axis] = rest % counts[axis] * lengths[axis]
      rest /= counts[axis]
    }
    return first
  }

  /// The cell at these places along the axes, in chunks; nil outside of the shape.
  func cell(_ scaled: [Int]) -> Int? {
    var cell = 0
    for (axis, place) in scaled.enumerated() {
      guard place >= 0, place < counts[axis] else { return nil }
      cell = cell * counts[axis] + place
    }
    return cell
  }

  /// Numbers of array elements that the axes after the first make, as indexes count them.
  /// - Parameter axis: the one that comes first in the count: the one that grows without end.
  /// - Throws: `Failure` where they overflow.
  func order(first axis: Int, _ at: Int) throws -> (axes: [Int], strides: [Int]) {
    let axes = [axis] + shape.indices.filter { $0 != axis }
    var strides = [Int](repeating: 1, count: axes.count)
    for place in axes.indices.dropLast().reversed() {
      guard let most = most[axes[place + 1]],
        case let (product, overflow) = strides[place + 1].multipliedReportingOverflow(by: most), !overflow
      else { throw HDF5Source.damaged("an index does not fit the shape", at) }
      strides[place] = product
    }
    return (axes, strides)
  }

  /// Whether a chunk reaches over the shape's edge.
  func isEdge(_ cell: Int) -> Bool {
    let first = first(cell)
    return shape.indices.contains { first[$0] > shape[$0] - lengths[$0] }
  }
}

/// Where the chunks of a dataset are.
struct HDF5ChunkIndex: Sendable {
  let source: HDF5Source
  let layout: HDF5ChunkLayout
  let grid: HDF5ChunkGrid
  /// Whether there are filters, so that a chunk's bytes are as many as its index says.
  let isFiltered: Bool
  let chunkK: Int

  /// The chunks that somebody wrote, in row-major order.
  /// - Throws: `Failure` where the index is damaged, or a chunk lies over something else.
  func chunks() throws -> [HDF5Chunk] {
    guard let address = layout.address else { return [] }
    var chunks: [HDF5Chunk]
    switch layout.index {
    case .tree1: chunks = try HDF5ChunkTree(self, address).chunks
    case .single(let size, let mask):
      guard grid.count <= 1 else {
        throw HDF5Source.damaged("a dataset of several chunks says that it has one", address)
      }
      chunks = grid.count == 0 ? [] : [try chunk(0, address, packed: size, mask: mask, address)]
    case .implicit: chunks = try implicit(address)
    case .fixedArray(let bits): chunks = try HDF5FixedArray(self, address, pageBits: bits).chunks
    case .extensibleArray(let parameters): chunks = try HDF5ExtensibleArray(self, address, parameters).chunks
    case .tree2: chunks = try tree2(address)
    }
    chunks.sort { $0.cell < $1.cell }
    for (one, next) in zip(chunks, chunks.dropFirst()) where one.cell == next.cell {
      throw HDF5Source.damaged("a dataset's index has a chunk twice", next.place)
    }
    for chunk in chunks { _ = try source.claim(chunk.place, chunk.size, as: "a chunk") }
    try source.extents.settle()
    return chunks
  }

  /// - Parameters:
  ///   - packed: the bytes that the index says; nil where it says none.
  ///   - at: where the index says it.
  func chunk(_ cell: Int, _ place: Int, packed: Int?, mask: UInt32, _ at: Int) throws -> HDF5Chunk {
    let size = packed ?? grid.chunkBytes
    guard size > 0, size < 1 << 31, isFiltered || (size == grid.chunkBytes && mask == 0) else {
      throw HDF5Source.damaged("an index gives a chunk \(size) bytes", at)
    }
    return HDF5Chunk(cell: cell, place: place, size: size, mask: mask)
  }

  private func implicit(_ address: Int) throws -> [HDF5Chunk] {
    guard !isFiltered, !grid.shape.isEmpty else {
      throw HDF5Source.damaged("packed chunks have no index", address)
    }
    let (axes, strides) = try grid.order(first: 0, address)
    return try (0..<grid.count).map { cell in
      let first = grid.first(cell)
      let number = zip(axes, strides).reduce(0) { $0 + first[$1.0] / grid.lengths[$1.0] * $1.1 }
      let (offset, overflow) = number.multipliedReportingOverflow(by: grid.chunkBytes)
      guard !overflow, offset <= source.end - address else {
        throw HDF5Source.damaged("a dataset's chunks reach past the file's end", address)
      }
      return HDF5Chunk(cell: cell, place: address + offset, size: grid.chunkBytes, mask: 0)
    }
  }

  private func tree2(_ address: Int) throws -> [HDF5Chunk] {
    let tree = try HDF5BTree2(source, address, kind: isFiltered ? 11 : 10)
    return try tree.records.map { record in
      var record = record
      let at = record.at
      let place = try record.place()
      let rest = 8 * grid.shape.count
      let packed = isFiltered ? try record.int(record.remaining - rest - 4) : nil
      let mask = isFiltered ? UInt32(truncatingIfNeeded: try record.u32()) : 0
      let scaled = try grid.shape.map { _ in try record.int(8) }
      try record.finish()
      guard let cell = grid.cell(scaled) else {
        throw record.damaged("a chunk lies outside of the shape", at: at)
      }
      return try chunk(cell, place, packed: packed, mask: mask, at)
    }
  }
}
