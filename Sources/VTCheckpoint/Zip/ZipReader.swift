import CDeflate
import Foundation
import VTCore

/// One member of a zip archive.
package struct ZipEntry: Sendable {
  package enum Method: Sendable { case stored, deflated }

  package let name: String
  package let method: Method
  package let compressedSize: Int
  package let size: Int
  let crc: UInt32
  /// Where the member's bytes begin in the file.
  let dataOffset: Int
}

/// Reads zip archives as NumPy and PyTorch write them (APPNOTE 6.3.10, zip64 included). Sizes and
/// offsets come from the central directory; the local headers must agree with it.
package struct ZipReader: Sendable {
  package let file: MappedFile
  package let entries: [ZipEntry]
  /// The archive's comment, nil where it is empty.
  let comment: [UInt8]?
  /// Members that cannot be read, and why.
  package let unreadable: [SkippedItem]

  private struct EndRecord {
    var offset: Int
    var count: Int
    var directorySize: Int
    var directoryOffset: Int
    /// Where the directory must end.
    var directoryEnd: Int
  }

  package init(_ file: MappedFile) throws {
    self.file = file
    let end = try ZipReader.endRecord(file)
    let start = end.directoryEnd - end.directorySize
    guard start >= 0 else {
      throw Failure("the archive's directory is larger than the file", offset: end.offset)
    }
    // Bytes may precede the archive; all offsets then count from its own start, or from
    // the file's.
    let shift = start - end.directoryOffset
    guard shift >= 0 else {
      throw Failure(
        "the archive's directory is not where its end record says", offset: end.offset,
        hint: "the file is damaged or truncated; fetch it again")
    }
    var entries: [ZipEntry] = []
    var unreadable: [SkippedItem] = []
    var names: Set<String> = []
    var spans: [(range: Range<Int>, name: String)] = []
    var at = start
    for _ in 0..<end.count {
      let (entry, next, span) = try ZipReader.directoryEntry(
        file, at: at, limit: end.directoryEnd, shift: shift)
      at = next
      let name: String
      switch entry {
      case .entry(let entry):
        name = entry.name
        entries.append(entry)
      case .skipped(let item):
        name = item.name
        unreadable.append(item)
      }
      guard names.insert(name).inserted else {
        throw Failure("the archive has two members of one name", tensor: name)
      }
      spans.append((span, name))
    }
    guard at == end.directoryEnd else {
      throw Failure("the archive's directory has more entries than it counts", offset: at)
    }
    spans.sort { $0.range.lowerBound < $1.range.lowerBound }
    for (a, b) in zip(spans, spans.dropFirst()) where b.range.lowerBound < a.range.upperBound {
      throw Failure("the member's data overlaps that of '\(a.name.printable)'", tensor: b.name)
    }
    if let last = spans.last, last.range.upperBound > start {
      throw Failure("the member's data runs into the directory", tensor: last.name)
    }
    let commentLength = file.count - end.offset - 22
    comment =
      commentLength > 0
      ? try file.bytes(end.offset + 22, commentLength).withUnsafeBytes { Array($0) } : nil
    self.entries = entries
    self.unreadable = unreadable
  }

  // MARK: The end record

  private static func endRecord(_ file: MappedFile) throws -> EndRecord {
    let noArchive = Failure(
      "not a zip archive: it has no end record",
      hint: "the file is truncated or of another format; fetch it again")
    guard file.count >= 22 else { throw noArchive }
    // The record ends with a comment of up to 65,535 bytes, which may contain the signature too: the
    // true one is that whose comment ends with the file and whose directory is there.
    let first = max(0, file.count - 22 - 0xFFFF)
    var problem: Failure?
    for at in stride(from: file.count - 22, through: first, by: -1) {
      guard try file.u32(at) == 0x0605_4B50, try file.u16(at + 20) == file.count - 22 - at else {
        continue
      }
      do {
        let record = try endRecord(file, at: at)
        let start = record.directoryEnd - record.directorySize
        // An archive of no members has nothing to check against but its own offsets.
        let isPlausible =
          record.count == 0
          ? record.directorySize == 0 && record.directoryOffset == record.directoryEnd
          : try start >= 0 && file.u32(start) == 0x0201_4B50
        if isPlausible { return record }
        problem = problem ?? Failure("the archive's directory is not where its end record says", offset: at)
      } catch let failure as Failure {
        problem = problem ?? failure
      }
    }
    throw problem ?? noArchive
  }

  private static func endRecord(_ file: MappedFile, at: Int) throws -> EndRecord {
    let disk = try file.u16(at + 4)
    let directoryDisk = try file.u16(at + 6)
    let countHere = try file.u16(at + 8)
    var record = EndRecord(
      offset: at, count: try file.u16(at + 10), directorySize: try file.u32(at + 12),
      directoryOffset: try file.u32(at + 16), directoryEnd: at)
    let wantsZip64 =
      record.count == 0xFFFF || record.directorySize == 0xFFFF_FFFF
      || record.directoryOffset == 0xFFFF_FFFF
    let hasLocator = at >= 20 ? try file.u32(at - 20) == 0x0706_4B50 : false
    if hasLocator {
      let declared = try file.u64(at - 12)
      // The record comes right before its locator; what precedes the archive shifts the
      // declared offset.
      guard at >= 76, try file.u32(at - 76) == 0x0606_4B50, declared <= UInt64(at - 76) else {
        throw Failure("the zip64 end record is not where its locator says", offset: at - 20)
      }
      let base = at - 76
      guard try file.u64(base + 4) == 44 else {
        throw Failure("the zip64 end record has an unknown size", offset: base)
      }
      let numbers = try [24, 32, 40, 48].map { try file.u64(base + $0) }
      guard numbers.allSatisfy({ $0 <= UInt64(file.count) }), numbers[0] == numbers[1] else {
        throw Failure("the zip64 end record's numbers exceed the file", offset: base)
      }
      return EndRecord(
        offset: at, count: Int(numbers[1]), directorySize: Int(numbers[2]),
        directoryOffset: Int(numbers[3]), directoryEnd: base)
    }
    guard !wantsZip64 else {
      throw Failure("the zip64 end record is missing", offset: at)
    }
    guard disk == 0, directoryDisk == 0, countHere == record.count else {
      throw Failure("the archive spans several disks", offset: at, hint: "join its parts first")
    }
    // Each entry takes 46 bytes at least.
    guard record.count <= record.directorySize / 46 else {
      throw Failure("the archive's directory is too small for \(record.count) members", offset: at)
    }
    record.offset = at
    return record
  }

  // MARK: The directory

  private enum Item {
    case entry(ZipEntry)
    case skipped(SkippedItem)
  }

  private static func directoryEntry(_ file: MappedFile, at: Int, limit: Int, shift: Int) throws
    -> (Item, next: Int, span: Range<Int>)
  {
    guard at + 46 <= limit, try file.u32(at) == 0x0201_4B50 else {
      throw Failure("the archive's directory has a malformed entry", offset: at)
    }
    let flags = try file.u16(at + 8)
    let method = try file.u16(at + 10)
    let crc = UInt32(try file.u32(at + 16))
    let nameLength = try file.u16(at + 28)
    let extraLength = try file.u16(at + 30)
    let commentLength = try file.u16(at + 32)
    let next = at + 46 + nameLength + extraLength + commentLength
    guard next <= limit else {
      throw Failure("an entry of the archive's directory overruns it", offset: at)
    }
    let nameBytes = try file.bytes(at + 46, nameLength).withUnsafeBytes { Array($0) }
    let name = try decodeName(nameBytes, isUTF8: flags & 0x800 != 0, offset: at)
    var numbers = (
      compressed: UInt64(try file.u32(at + 20)), size: UInt64(try file.u32(at + 24)),
      offset: UInt64(try file.u32(at + 42))
    )
    try applyZip64(
      file, extra: at + 46 + nameLength, length: extraLength, numbers: &numbers, name: name)
    guard numbers.offset <= UInt64(file.count - shift), numbers.compressed <= UInt64(file.count),
      numbers.size <= UInt64(Int.max / 2)
    else {
      throw Failure("the member's place lies outside the file", tensor: name, offset: at)
    }
    let local = Int(numbers.offset) + shift
    guard local + 30 <= limit, try file.u32(local) == 0x0403_4B50 else {
      throw Failure("no member begins where the directory says", tensor: name, offset: local)
    }
    let localName = try file.u16(local + 26)
    let dataOffset = local + 30 + localName + (try file.u16(local + 28))
    guard dataOffset <= limit, Int(numbers.compressed) <= limit - dataOffset else {
      throw Failure("the member's data runs past the archive's end", tensor: name, offset: local)
    }
    let span = local..<dataOffset + Int(numbers.compressed)
    guard try file.bytes(local + 30, localName).withUnsafeBytes({ Array($0) }) == nameBytes else {
      throw Failure("the member's own header has another name", tensor: name, offset: local)
    }
    func skip(_ reason: String) -> (Item, next: Int, span: Range<Int>) {
      (.skipped(SkippedItem(name: name, reason: reason)), next, span)
    }
    if (flags | (try file.u16(local + 6))) & 0x2061 != 0 { return skip("encrypted or patched data") }
    guard try file.u16(local + 8) == method else {
      return skip("its two headers name different compression methods")
    }
    let kind: ZipEntry.Method
    switch method {
    case 0:
      guard numbers.compressed == numbers.size else {
        return skip("stored, but its two sizes differ")
      }
      kind = .stored
    case 8:
      // Deflate makes at most 1,032 bytes of one; a member that claims more lies.
      guard numbers.size / 1032 <= numbers.compressed else {
        return skip("claims more bytes than its data can hold")
      }
      kind = .deflated
    default: return skip("compression method \(method) is not supported (stored and deflate are)")
    }
    let entry = ZipEntry(
      name: name, method: kind, compressedSize: Int(numbers.compressed), size: Int(numbers.size),
      crc: crc, dataOffset: dataOffset)
    return (.entry(entry), next, span)
  }

  /// A size of 0xFFFFFFFF means that the zip64 extra field has it instead, in a fixed order.
  private static func applyZip64(
    _ file: MappedFile, extra: Int, length: Int,
    numbers: inout (compressed: UInt64, size: UInt64, offset: UInt64), name: String
  ) throws {
    let mark: UInt64 = 0xFFFF_FFFF
    guard numbers.compressed == mark || numbers.size == mark || numbers.offset == mark else { return }
    var at = extra
    let end = extra + length
    while at + 4 <= end {
      let size = try file.u16(at + 2)
      guard at + 4 + size <= end else { break }
      if try file.u16(at) == 1 {
        var field = at + 4
        func take() throws -> UInt64 {
          guard field + 8 <= at + 4 + size else {
            throw Failure("the zip64 field is too short", tensor: name, offset: at)
          }
          defer { field += 8 }
          return try file.u64(field)
        }
        if numbers.size == mark { numbers.size = try take() }
        if numbers.compressed == mark { numbers.compressed = try take() }
        if numbers.offset == mark { numbers.offset = try take() }
        return
      }
      at += 4 + size
    }
    throw Failure("the zip64 field is missing", tensor: name, offset: extra)
  }

  private static func decodeName(_ bytes: [UInt8], isUTF8: Bool, offset: Int) throws -> String {
    if isUTF8 || bytes.allSatisfy({ $0 < 128 }) {
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw Failure("a member's name is not valid UTF-8", offset: offset)
      }
      return name
    }
    // Without the flag the name is in code page 437, whose upper half is these.
    let upper = Array(
      "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}"
    )
    return String(bytes.map { $0 < 128 ? Character(Unicode.Scalar($0)) : upper[Int($0) - 128] })
  }

  // MARK: Members

  /// The member's bytes, unpacked and checked against its CRC.
  package func bytes(of entry: ZipEntry) throws -> Bytes {
    let packed = try file.bytes(entry.dataOffset, entry.compressedSize)
    packed.prefetch()
    let result = entry.method == .stored ? packed : try inflate(packed, entry)
    let crc = result.withUnsafeBytes { UInt32(libdeflate_crc32(0, $0.baseAddress, $0.count)) }
    guard crc == entry.crc else {
      throw Failure(
        "the data does not match its checksum (CRC-32)", file: file.path, tensor: entry.name,
        offset: entry.dataOffset, hint: "the file is damaged; fetch it again")
    }
    return result
  }

  private func inflate(_ packed: Bytes, _ entry: ZipEntry) throws -> Bytes {
    try Bytes(count: entry.size) { out in
      guard let decompressor = libdeflate_alloc_decompressor() else {
        throw Failure(.resource, "not enough memory to decompress")
      }
      defer { libdeflate_free_decompressor(decompressor) }
      var used = 0
      var made = 0
      let result = packed.withUnsafeBytes {
        libdeflate_deflate_decompress_ex(
          decompressor, $0.baseAddress, $0.count, out.baseAddress, out.count, &used, &made)
      }
      guard result == LIBDEFLATE_SUCCESS, made == entry.size, used == packed.count else {
        throw Failure(
          "the compressed data is damaged", file: file.path, tensor: entry.name,
          offset: entry.dataOffset, hint: "fetch the file again")
      }
    }
  }

  /// The member's first bytes, at most `count`, unpacked without the rest and unchecked.
  package func prefix(of entry: ZipEntry, count: Int) throws -> [UInt8] {
    let wanted = min(count, entry.size)
    if entry.method == .stored {
      return try file.bytes(entry.dataOffset, wanted).withUnsafeBytes { Array($0) }
    }
    // A prefix never needs more input than this, even of stored blocks.
    let packed = try file.bytes(entry.dataOffset, min(entry.compressedSize, 2 * wanted + 65_536))
    return try ZlibPrefix.inflate(packed, count: wanted, windowBits: -15)
  }
}
