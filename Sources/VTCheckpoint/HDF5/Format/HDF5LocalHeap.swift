/// The heap with a symbol table's names (section III.D). All of its bytes are a name's or free, which shows names that
/// got lost.
struct HDF5LocalHeap {
  private let source: HDF5Source
  private let start: Int
  private let size: Int
  private var used: [Range<Int>]

  init(_ source: HDF5Source, _ address: Int) throws {
    self.source = source
    let length = 8 + 2 * source.lengthWidth + source.offsetWidth
    var head = try source.claim(address, length, as: "a local heap")
    try head.expect("HEAP")
    try head.expect(0, "version")
    try head.zeros(3)
    size = try head.length()
    let firstFree = try head.number(source.lengthWidth)
    start = try head.place()
    _ = try source.claim(start, size, as: "a local heap's names")
    used = []
    var next = firstFree
    let none = UInt64.max >> UInt64(64 - 8 * source.lengthWidth)
    // The list ends with 1, which no block can begin at.
    while next != 1 && next != none {
      guard next % 8 == 0, next <= UInt64(size - min(size, 2 * source.lengthWidth)) else {
        throw HDF5Source.damaged("a local heap's free space lies outside of it", start)
      }
      let offset = Int(next)
      var block = try source.cursor(start + offset, size - offset, of: "a local heap's free space")
      next = try block.number(source.lengthWidth)
      let length = try block.length()
      guard length >= 2 * source.lengthWidth, length <= size - offset, used.count <= size / 16 else {
        throw block.damaged()
      }
      used.append(offset..<offset + length)
    }
  }

  /// The name at `offset`, which ends with a zero within the heap; its bytes are used from now on.
  mutating func take(_ offset: Int) throws -> [UInt8] {
    let name = try self.name(offset)
    used.append(offset..<offset + (name.count + 8) / 8 * 8)
    return name
  }

  /// The same without a note.
  func name(_ offset: Int) throws -> [UInt8] {
    guard offset >= 0, offset < size, offset % 8 == 0 else {
      throw HDF5Source.damaged("a link's name lies outside of its heap", start)
    }
    var cursor = try source.cursor(start + offset, size - offset, of: "a link's name")
    return try cursor.text()
  }

  /// Whether the bytes at `offset` are neither a known name nor free space.
  func isLost(_ offset: Int) -> Bool {
    offset > 0 && offset % 8 == 0 && offset < size && !used.contains { $0.contains(offset) }
  }

  /// - Throws: `Failure` where names share bytes, or a name that nobody asked for is left.
  mutating func finish() throws {
    used.sort { $0.lowerBound < $1.lowerBound }
    var end = 0
    for range in used + [size..<size] {
      guard range.lowerBound >= end, range.upperBound <= (size + 7) / 8 * 8 else {
        throw HDF5Source.damaged("two names of a local heap lie over each other", start + range.lowerBound)
      }
      try checkGap(end, range.lowerBound)
      end = range.upperBound
    }
  }

  /// Space between names is too small to be listed as free, eight bytes at a time, or it is a name that got lost.
  private func checkGap(_ from: Int, _ to: Int) throws {
    var at = from == 0 ? 8 : from
    while at < to {
      let piece = try source.file.bytes(start + at, min(8, to - at)).withUnsafeBytes { Array($0) }
      guard piece.contains(0) || to - at < 16 else {
        throw HDF5Source.damaged("a local heap holds the name of a link that its group lacks", start + at)
      }
      at += 8
    }
  }
}
