import VTCore

/// An HDF5 file's bytes, every read of which is checked. Places are bytes of the file; addresses, which count from the
/// end of the user block, become places as they are read.
final class HDF5Source: Sendable {
  let file: MappedFile
  /// Where addresses count from.
  let base: Int
  /// Where the file's own bytes end, as its superblock says.
  let end: Int
  /// Bytes of an address.
  let offsetWidth: Int
  /// Bytes of a length.
  let lengthWidth: Int
  /// Which bytes of the file something has been read from.
  let extents = HDF5Extents()

  init(_ file: MappedFile, base: Int, end: Int, offsetWidth: Int, lengthWidth: Int) {
    (self.file, self.base, self.end) = (file, base, end)
    (self.offsetWidth, self.lengthWidth) = (offsetWidth, lengthWidth)
  }

  /// What is thrown for bytes that make no sense.
  /// - Parameter at: their place.
  static func damaged(_ problem: String, _ at: Int?) -> Failure {
    Failure(problem, offset: at, hint: "the file is damaged; fetch it again")
  }

  /// What is thrown for what is whole, but not read here.
  static func unread(_ problem: String, _ at: Int?) -> Failure {
    Failure(problem, offset: at, hint: "try --hdf5-library, which reads through libhdf5")
  }

  /// The bytes `at..<at + count` as something to read through.
  /// - Throws: `Failure` where the file ends before.
  func cursor(_ at: Int, _ count: Int, of what: String) throws -> HDF5Cursor {
    guard at >= 0, count >= 0, at <= end, count <= end - at else {
      throw Self.damaged("\(what) would reach past the file's end", at)
    }
    return HDF5Cursor(self, at, at + count, what)
  }

  /// The same from `at` to the file's end.
  func cursor(from at: Int, of what: String) throws -> HDF5Cursor {
    try cursor(at, max(0, end - at), of: what)
  }

  /// The same for bytes that belong to one thing alone.
  /// - Throws: `Failure` also where something else has been read from them.
  func claim(_ at: Int, _ count: Int, as what: String) throws -> HDF5Cursor {
    let cursor = try cursor(at, count, of: what)
    try extents.claim(at, count, what)
    return cursor
  }

  /// Compares the checksum after `start..<end`.
  func check(_ start: Int, _ end: Int, of what: String) throws {
    var sum = try cursor(end, 4, of: what)
    _ = try cursor(start, end - start, of: what)
    guard try sum.u32() == Int(try file.bytes(start, end - start).withUnsafeBytes { Lookup3.hash($0) }) else {
      throw Self.damaged("the checksum of \(what) does not fit", start)
    }
  }
}

/// A stretch of an HDF5 file that is read from front to back.
struct HDF5Cursor {
  let source: HDF5Source
  /// The next byte's place in the file.
  private(set) var at: Int
  let end: Int
  let what: String

  init(_ source: HDF5Source, _ at: Int, _ end: Int, _ what: String) {
    (self.source, self.at, self.end, self.what) = (source, at, end, what)
  }

  var remaining: Int { end - at }

  /// - Parameter at: where the trouble is, if not here.
  func damaged(_ problem: String? = nil, at: Int? = nil) -> Failure {
    HDF5Source.damaged(problem ?? "\(what) makes no sense", at ?? self.at)
  }

  private func need(_ count: Int) throws {
    guard count >= 0, count <= remaining else { throw damaged("\(what) is cut short") }
  }

  mutating func skip(_ count: Int) throws {
    try need(count)
    at += count
  }

  /// A little-endian number of up to eight bytes.
  mutating func number(_ width: Int) throws -> UInt64 {
    guard width <= 8 else { throw damaged() }
    try need(width)
    let value = try source.file.number(at, width)
    at += width
    return value
  }

  mutating func u8() throws -> Int { Int(truncatingIfNeeded: try number(1)) }
  mutating func u16() throws -> Int { Int(truncatingIfNeeded: try number(2)) }
  mutating func u32() throws -> Int { Int(truncatingIfNeeded: try number(4)) }

  /// A number that fits into an `Int`.
  mutating func int(_ width: Int) throws -> Int {
    let place = at
    guard let value = Int(exactly: try number(width)) else { throw damaged(at: place) }
    return value
  }

  /// A length or size as wide as the file's are.
  mutating func length() throws -> Int { try int(source.lengthWidth) }

  /// The place an address means; nil for the undefined one.
  mutating func address() throws -> Int? {
    let start = at
    let value = try number(source.offsetWidth)
    let undefined = source.offsetWidth == 8 ? UInt64.max : (1 << UInt64(8 * source.offsetWidth)) - 1
    if value == undefined { return nil }
    guard value < UInt64(source.end - source.base) else {
      throw damaged("\(what) names a place past the file's end", at: start)
    }
    return source.base + Int(value)
  }

  /// An address that must be there.
  mutating func place() throws -> Int {
    let start = at
    guard let place = try address() else { throw damaged("\(what) lacks an address", at: start) }
    return place
  }

  mutating func bytes(_ count: Int) throws -> [UInt8] {
    try need(count)
    let bytes = try source.file.bytes(at, count).withUnsafeBytes { Array($0) }
    at += count
    return bytes
  }

  /// The next `count` bytes as a stretch of their own.
  mutating func take(_ count: Int) throws -> HDF5Cursor {
    try need(count)
    defer { at += count }
    return HDF5Cursor(source, at, at + count, what)
  }

  mutating func expect(_ signature: StaticString) throws {
    let start = at
    guard
      try bytes(signature.utf8CodeUnitCount).elementsEqual(
        UnsafeBufferPointer(start: signature.utf8Start, count: signature.utf8CodeUnitCount))
    else { throw damaged("\(what) does not begin with \(signature)", at: start) }
  }

  /// - Throws: `Failure` where the next byte is not `value`.
  mutating func expect(_ value: Int, _ name: String) throws {
    let start = at
    let found = try u8()
    guard found == value else { throw damaged("\(what): \(name) \(found) where \(value) belongs", at: start) }
  }

  /// Reserved bytes.
  mutating func zeros(_ count: Int) throws {
    let start = at
    guard try bytes(count).allSatisfy({ $0 == 0 }) else {
      throw damaged("\(what): reserved bytes are not zero", at: start)
    }
  }

  /// A text that a zero ends, without it.
  /// - Parameter multiple: what its length, with zeros, is filled up to a multiple of.
  mutating func text(paddedTo multiple: Int = 1) throws -> [UInt8] {
    let start = at
    var text: [UInt8] = []
    while true {
      let byte = UInt8(truncatingIfNeeded: try number(1))
      if byte == 0 { break }
      text.append(byte)
    }
    let rest = (at - start) % multiple
    if rest > 0 { try zeros(multiple - rest) }
    return text
  }

  /// Where everything must have been read.
  func finish() throws {
    guard remaining == 0 else { throw damaged("\(what) is longer than what it holds") }
  }
}
