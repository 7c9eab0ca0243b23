/// The index of chunks of a dataset that grows along one axis (section VII.D): some elements in a first block, then blocks of
/// elements, and blocks of addresses of such blocks, which double in size by turns.
struct HDF5ExtensibleArray {
  /// How the blocks grow; the layout message and the array's head both say it.
  struct Parameters: Sendable, Equatable {
    /// Bits of an element's number.
    let bits: Int
    let firstElements: Int
    let leastPointers: Int
    let leastElements: Int
    let pageBits: Int

    /// - Parameter isHeader: the array's head has two of the numbers in the other order.
    init(_ cursor: inout HDF5Cursor, isHeader: Bool) throws {
      let at = cursor.at
      (bits, firstElements) = (try cursor.u8(), try cursor.u8())
      let (one, other) = (try cursor.u8(), try cursor.u8())
      (leastElements, leastPointers) = isHeader ? (one, other) : (other, one)
      pageBits = try cursor.u8()
      func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
      guard (1...56).contains(bits), isPower(leastPointers), leastPointers > 1, isPower(leastElements),
        leastElements.trailingZeroBitCount <= bits, (1..<32).contains(pageBits)
      else { throw cursor.damaged("an extensible array makes no sense", at: at) }
    }
  }

  private let source: HDF5Source
  private let address: Int
  private let parameters: Parameters
  private let elements: HDF5ArrayElements
  private let count: Int
  private(set) var chunks: [HDF5Chunk] = []

  init(_ index: HDF5ChunkIndex, _ address: Int, _ parameters: Parameters) throws {
    source = index.source
    (self.address, self.parameters) = (address, parameters)
    guard let axis = index.grid.most.firstIndex(where: { $0 == nil }) else {
      throw HDF5Source.damaged("a dataset that cannot grow has an extensible array", address)
    }
    let (axes, strides) = try index.grid.order(first: axis, address)
    var head = try source.cursor(from: address, of: "an extensible array")
    try head.expect("EAHD")
    try head.expect(0, "version")
    elements = try HDF5ArrayElements(index, kind: try head.u8(), size: try head.u8(), axes, strides, address)
    guard try Parameters(&head, isHeader: true) == parameters else {
      throw head.damaged("an extensible array differs from its dataset's layout", at: address)
    }
    try head.skip(4 * source.lengthWidth)
    // One after the last element that somebody set.
    count = try head.length()
    try head.skip(source.lengthWidth)
    let first = try head.address()
    try source.check(address, head.at, of: "an extensible array")
    try source.extents.claim(address, head.at + 4 - address, "an extensible array")
    guard count <= 1 << parameters.bits else { throw head.damaged(at: address) }
    guard let first else {
      guard count == 0 else { throw head.damaged("an extensible array lacks its first block", at: address) }
      return
    }
    try firstBlock(first)
  }

  private func head(_ cursor: inout HDF5Cursor, _ signature: StaticString) throws {
    try cursor.expect(signature)
    try cursor.expect(0, "version")
    try cursor.expect(elements.kind, "kind of array")
    guard try cursor.address() == address else { throw cursor.damaged("a block of chunks belongs elsewhere") }
  }

  /// Blocks of a level, and each one's elements.
  private func level(_ number: Int) -> (blocks: Int, elements: Int) {
    (1 << (number / 2), parameters.leastElements << ((number + 1) / 2))
  }

  private mutating func firstBlock(_ at: Int) throws {
    let inner = 2 * parameters.leastPointers.trailingZeroBitCount
    let levels = 1 + parameters.bits - parameters.leastElements.trailingZeroBitCount
    let outer = max(0, levels - inner)
    let direct = 2 * (parameters.leastPointers - 1)
    let size =
      6 + source.offsetWidth + parameters.firstElements * elements.size + (direct + outer)
      * source.offsetWidth
    var cursor = try source.claim(at, size + 4, as: "a first block of chunks")
    try source.check(at, at + size, of: "a first block of chunks")
    try head(&cursor, "EAIB")
    for number in 0..<parameters.firstElements {
      try elements.read(&cursor, number, into: &chunks)
    }
    var number = parameters.firstElements
    for index in 0..<min(inner, levels) {
      let (blocks, count) = level(index)
      for _ in 0..<blocks {
        if let place = try cursor.address() { try dataBlock(place, number, count, pages: nil) }
        number += count
      }
    }
    for index in inner..<max(inner, levels) {
      let (blocks, count) = level(index)
      if let place = try cursor.address() { try superBlock(place, number, blocks, count) }
      // Levels beyond what elements are numbered by hold nothing.
      guard number < self.count else { break }
      number += blocks * count
    }
    guard chunks.count <= self.count else {
      throw cursor.damaged("an array counts fewer chunks than it has", at: at)
    }
  }

  private mutating func superBlock(_ at: Int, _ number: Int, _ blocks: Int, _ count: Int) throws {
    let width = (parameters.bits + 7) / 8
    let perPage = 1 << parameters.pageBits
    let pages = count > perPage ? count / perPage : 0
    let prefix = 6 + source.offsetWidth + width
    guard blocks <= source.end, pages <= source.end,
      blocks * ((pages + 7) / 8 + source.offsetWidth) <= source.end
    else {
      throw HDF5Source.damaged("a block of blocks of chunks would reach past the file's end", at)
    }
    let size = prefix + blocks * ((pages + 7) / 8) + blocks * source.offsetWidth
    var cursor = try source.claim(at, size + 4, as: "a block of blocks of chunks")
    try source.check(at, at + size, of: "a block of blocks of chunks")
    try head(&cursor, "EASB")
    guard try cursor.int(width) == number - parameters.firstElements else {
      throw cursor.damaged("a block of blocks of chunks belongs elsewhere", at: at)
    }
    let bits = try (0..<blocks).map { _ in try cursor.bytes((pages + 7) / 8) }
    for block in 0..<blocks {
      guard let place = try cursor.address() else { continue }
      try dataBlock(place, number + block * count, count, pages: pages > 0 ? bits[block] : nil)
    }
  }

  /// - Parameter pages: a bit for each page that was written; nil where there are none.
  private mutating func dataBlock(_ at: Int, _ number: Int, _ count: Int, pages: [UInt8]?) throws {
    let width = (parameters.bits + 7) / 8
    let prefix = 6 + source.offsetWidth + width
    let perPage = 1 << parameters.pageBits
    guard pages != nil || count <= perPage else {
      throw HDF5Source.damaged("a block of chunks lacks pages", at)
    }
    let body = pages == nil ? try elements.bytes(count, at) : 0
    var cursor = try source.claim(at, prefix + body + 4, as: "a block of chunks")
    try source.check(at, at + prefix + body, of: "a block of chunks")
    try head(&cursor, "EADB")
    // The block's own place, which libhdf5 writes in two ways.
    try cursor.skip(width)
    guard let pages else {
      for offset in 0..<count { try elements.read(&cursor, number + offset, into: &chunks) }
      return
    }
    let size = try elements.bytes(perPage, at) + 4
    var place = at + prefix + 4
    for page in 0..<count / perPage {
      if pages[page / 8] & (0x80 >> UInt8(page % 8)) != 0 {
        let first = number + page * perPage
        try elements.page(place, first..<first + perPage, into: &chunks)
      }
      place += size
    }
  }
}
