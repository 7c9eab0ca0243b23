/// Where files of the newer format keep many links or attributes (section III.G): blocks that double in size, in a table of
/// rows, each with a checksum or under one.
final class HDF5FractalHeap {
  private struct Block {
    let start: Int
    let offset: Int
    let size: Int
  }

  private let source: HDF5Source
  private let address: Int
  /// Bytes of an object's ID.
  let idLength: Int
  private let isChecked: Bool
  private let largestManaged: Int
  private let hugeTree: Int?
  private let managedCount: Int
  private let width: Int
  private let firstSize: Int
  private let largestBlock: Int
  private let offsetWidth: Int
  private let lengthWidth: Int
  private let root: Int?
  private let rootRows: Int
  private var blocks: [Block] = []
  private var huge: [UInt64: (Int, Int)]?

  init(_ source: HDF5Source, _ address: Int) throws {
    (self.source, self.address) = (source, address)
    var head = try source.cursor(from: address, of: "a heap")
    try head.expect("FRHP")
    try head.expect(0, "version")
    idLength = try head.u16()
    guard try head.u16() == 0 else {
      throw HDF5Source.unread("links or attributes that filters have packed", address)
    }
    let flags = try head.u8()
    isChecked = flags & 2 != 0
    largestManaged = try head.u32()
    try head.skip(source.lengthWidth)
    hugeTree = try head.address()
    try head.skip(source.lengthWidth)
    _ = try head.address()
    try head.skip(3 * source.lengthWidth)
    managedCount = try head.length()
    try head.skip(4 * source.lengthWidth)
    width = try head.u16()
    firstSize = try head.length()
    largestBlock = try head.length()
    let bits = try head.u16()
    _ = try head.u16()
    root = try head.address()
    rootRows = try head.u16()
    try source.check(address, head.at, of: "a heap")
    try source.extents.claim(address, head.at + 4 - address, "a heap")
    func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard flags & ~3 == 0, (1...63).contains(bits), isPower(width), isPower(firstSize), isPower(largestBlock),
      firstSize <= largestBlock, largestBlock < 1 << 32, largestManaged > 0, idLength > 1, width < 1 << 16
    else { throw head.damaged("a heap's head makes no sense", at: address) }
    offsetWidth = (bits + 7) / 8
    lengthWidth = min(
      (largestBlock.trailingZeroBitCount + 7) / 8,
      (Int.bitWidth - 1 - largestManaged.leadingZeroBitCount) / 8 + 1)
    if let root {
      if rootRows == 0 {
        try direct(root, offset: 0, size: firstSize)
      } else {
        try indirect(root, offset: 0, rows: rootRows)
      }
    }
    blocks.sort { $0.offset < $1.offset }
  }

  private func size(ofRow row: Int) -> Int { row < 2 ? firstSize : firstSize << (row - 1) }

  private func indirect(_ at: Int, offset: Int, rows: Int) throws {
    let directRows = largestBlock.trailingZeroBitCount - firstSize.trailingZeroBitCount + 2
    guard rows > 0, rows + firstSize.trailingZeroBitCount + width.trailingZeroBitCount < 62 else {
      throw HDF5Source.damaged("a heap's block has \(rows) rows", at)
    }
    let count = 9 + source.offsetWidth + offsetWidth + rows * width * source.offsetWidth
    var cursor = try source.claim(at, count, as: "a heap's block of blocks")
    try source.check(at, at + count - 4, of: "a heap's block of blocks")
    try cursor.expect("FHIB")
    try head(&cursor, at, offset)
    var next = offset
    for row in 0..<rows {
      let size = size(ofRow: row)
      for _ in 0..<width {
        if let child = try cursor.address() {
          if row < directRows {
            try direct(child, offset: next, size: size)
          } else {
            let first = firstSize.trailingZeroBitCount + width.trailingZeroBitCount
            try indirect(child, offset: next, rows: size.trailingZeroBitCount - first + 1)
          }
        }
        let (sum, overflow) = next.addingReportingOverflow(size)
        guard !overflow else { throw cursor.damaged() }
        next = sum
      }
    }
  }

  private func head(_ cursor: inout HDF5Cursor, _ at: Int, _ offset: Int) throws {
    try cursor.expect(0, "version")
    guard try cursor.address() == address, try cursor.int(offsetWidth) == offset else {
      throw cursor.damaged("a heap's block belongs elsewhere", at: at)
    }
  }

  private func direct(_ at: Int, offset: Int, size: Int) throws {
    var cursor = try source.claim(at, size, as: "a heap's block")
    try cursor.expect("FHDB")
    try head(&cursor, at, offset)
    if isChecked {
      // The sum is that of the block with zeros in the sum's place.
      let place = cursor.at - at
      let sum = try cursor.u32()
      var whole = try source.cursor(at, size, of: "a heap's block")
      var bytes = try whole.bytes(size)
      for index in place..<place + 4 { bytes[index] = 0 }
      guard sum == Int(Lookup3.hash(bytes)) else {
        throw HDF5Source.damaged("the checksum of a heap's block does not fit", at)
      }
    }
    blocks.append(Block(start: at, offset: offset, size: size))
  }

  /// The object of an ID.
  func object(_ id: HDF5Cursor) throws -> HDF5Cursor {
    var id = id
    let at = id.at
    let head = try id.u8()
    switch head {
    case 0:
      let offset = try id.int(offsetWidth)
      let length = try id.int(lengthWidth)
      var (low, high) = (0, blocks.count)
      while low < high {
        let middle = (low + high) / 2
        if blocks[middle].offset <= offset { low = middle + 1 } else { high = middle }
      }
      guard low > 0, length > 0, length <= largestManaged else {
        throw id.damaged("an object lies outside of its heap", at: at)
      }
      let block = blocks[low - 1]
      guard length <= block.size, offset - block.offset <= block.size - length else {
        throw id.damaged("an object lies outside of its heap", at: at)
      }
      return try source.cursor(block.start + offset - block.offset, length, of: "a heap's object")
    case 0x10:
      // Whether the ID says the place itself follows from its length.
      if source.offsetWidth + source.lengthWidth <= idLength - 1 {
        let place = try id.place()
        return try source.cursor(place, try id.length(), of: "a heap's large object")
      }
      let number = try id.number(min(idLength - 1, source.lengthWidth))
      guard let (place, length) = try hugeObjects()[number] else {
        throw id.damaged("a heap's large object is not in its tree", at: at)
      }
      return try source.cursor(place, length, of: "a heap's large object")
    case 0x20...0x2F:
      // Up to 16 bytes are counted in four bits, more in twelve.
      let length = idLength - 1 <= 16 ? head & 15 : (head & 15) << 8 | (try id.u8())
      return try id.take(length + 1)
    default: throw id.damaged("an ID of an unknown kind", at: at)
    }
  }

  private func hugeObjects() throws -> [UInt64: (Int, Int)] {
    if let huge { return huge }
    guard let hugeTree else {
      throw HDF5Source.damaged("a heap lacks the tree of its large objects", address)
    }
    let tree = try HDF5BTree2(source, hugeTree, kind: 1)
    var found: [UInt64: (Int, Int)] = [:]
    for record in tree.records {
      var record = record
      let (place, length) = (try record.place(), try record.length())
      guard found.updateValue((place, length), forKey: try record.number(source.lengthWidth)) == nil else {
        throw record.damaged()
      }
      _ = try source.claim(place, length, as: "a heap's large object")
    }
    huge = found
    return found
  }
}
