/// The index of chunks of a dataset that cannot grow without end (section VII.C).
struct HDF5FixedArray {
  private(set) var chunks: [HDF5Chunk] = []

  init(_ index: HDF5ChunkIndex, _ address: Int, pageBits: Int) throws {
    let source = index.source
    let (axes, strides) = try index.grid.order(first: 0, address)
    var head = try source.cursor(from: address, of: "a fixed array")
    try head.expect("FAHD")
    try head.expect(0, "version")
    let elements = try HDF5ArrayElements(
      index, kind: try head.u8(), size: try head.u8(), axes, strides, address)
    try head.expect(pageBits, "bits of a page")
    let count = try head.length()
    let block = try head.address()
    try source.check(address, head.at, of: "a fixed array")
    try source.extents.claim(address, head.at + 4 - address, "a fixed array")
    guard pageBits < 32, let first = index.grid.most[0],
      strides[0].multipliedReportingOverflow(by: first) == (count, false)
    else { throw head.damaged("a fixed array counts other chunks than its dataset", at: address) }
    guard let block else { return }
    let perPage = 1 << pageBits
    let isPaged = count > perPage
    let pages = isPaged ? (count - 1) / perPage + 1 : 0
    let prefix = 6 + source.offsetWidth + (pages + 7) / 8
    guard count <= (source.end - block) * 8 * perPage else { throw head.damaged(at: address) }
    let body = isPaged ? 0 : try elements.bytes(count, block)
    var cursor = try source.claim(block, prefix + body + 4, as: "a fixed array's block")
    try source.check(block, block + prefix + body, of: "a fixed array's block")
    try cursor.expect("FADB")
    try cursor.expect(0, "version")
    try cursor.expect(elements.kind, "kind of array")
    guard try cursor.address() == address else {
      throw cursor.damaged("a fixed array's block belongs elsewhere")
    }
    guard isPaged else {
      for number in 0..<count { try elements.read(&cursor, number, into: &chunks) }
      return
    }
    // A bit each says whether anything was written to a page.
    let bits = try cursor.bytes((pages + 7) / 8)
    var at = block + prefix + 4
    for page in 0..<pages {
      let length = min(perPage, count - page * perPage)
      let size = try elements.bytes(length, at)
      if bits[page / 8] & (0x80 >> UInt8(page % 8)) != 0 {
        try elements.page(at, page * perPage..<page * perPage + length, into: &chunks)
      }
      at += size + 4
    }
  }
}

/// What arrays of chunks hold: a chunk's address, and with filters its bytes and mask.
struct HDF5ArrayElements {
  let kind: Int
  let size: Int
  private let index: HDF5ChunkIndex
  private let axes: [Int]
  private let strides: [Int]

  init(_ index: HDF5ChunkIndex, kind: Int, size: Int, _ axes: [Int], _ strides: [Int], _ at: Int) throws {
    (self.index, self.kind, self.size, self.axes, self.strides) = (index, kind, size, axes, strides)
    let width = index.source.offsetWidth
    guard kind == (index.isFiltered ? 1 : 0),
      index.isFiltered ? (5...12).contains(size - width) : size == width
    else { throw HDF5Source.damaged("an array of chunks makes no sense", at) }
  }

  /// Bytes of so many elements that fit into the file.
  func bytes(_ count: Int, _ at: Int) throws -> Int {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, bytes <= index.source.end else {
      throw HDF5Source.damaged("an array of chunks would reach past the file's end", at)
    }
    return bytes
  }

  func read(_ cursor: inout HDF5Cursor, _ number: Int, into chunks: inout [HDF5Chunk]) throws {
    let at = cursor.at
    guard let place = try cursor.address() else {
      try cursor.skip(size - index.source.offsetWidth)
      return
    }
    let packed = index.isFiltered ? try cursor.int(size - index.source.offsetWidth - 4) : nil
    let mask = index.isFiltered ? UInt32(truncatingIfNeeded: try cursor.u32()) : 0
    var scaled = [Int](repeating: 0, count: axes.count)
    var rest = number
    for (axis, stride) in zip(axes, strides) {
      guard stride > 0 else { throw cursor.damaged("a chunk of an empty dataset", at: at) }
      scaled[axis] = rest / stride
      rest %= stride
    }
    // An array is as long as the dataset may become, and keeps what was cut off.
    guard let cell = index.grid.cell(scaled) else { return }
    chunks.append(try index.chunk(cell, place, packed: packed, mask: mask, at))
  }

  /// Elements with a checksum after them.
  func page(_ at: Int, _ numbers: Range<Int>, into chunks: inout [HDF5Chunk]) throws {
    let size = try bytes(numbers.count, at)
    var cursor = try index.source.claim(at, size + 4, as: "a page of an array of chunks")
    try index.source.check(at, at + size, of: "a page of an array of chunks")
    for number in numbers { try read(&cursor, number, into: &chunks) }
  }
}
