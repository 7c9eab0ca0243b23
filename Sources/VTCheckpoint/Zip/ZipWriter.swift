import CDeflate
import Foundation
import VTCore

/// Writes zip archives whose bytes depend on their content alone (no times). zip64 is used where
/// a size or offset needs it, only then.
struct ZipWriter {
  private struct Record {
    let name: [UInt8]
    var method: UInt16
    var crc: UInt32
    var compressed: Int
    let size: Int
    let offset: Int
  }

  let file: OutputFile
  /// libdeflate's level, 1 to 12; nil stores.
  let compression: Int?
  private var records: [Record] = []
  /// The member that is being written, and how many bytes of it are to come.
  private var pending: Record?
  private var left = 0
  /// Its beginning.
  private var header: [UInt8] = []

  init(_ file: OutputFile, compression: Int?) {
    self.file = file
    self.compression = compression
  }

  /// Adds a member.
  mutating func add(name: String, _ content: [UInt8]) throws {
    try begin(name: name, header: content, bodyCount: 0)
    try append(try Bytes([]))
  }

  /// Begins a member made of `header` and, in sequence, what `append` gets until that is `bodyCount` bytes.
  mutating func begin(name: String, header: [UInt8], bodyCount: Int) throws {
    precondition(pending == nil, "the member before is not whole")
    let size = header.count + bodyCount
    pending = Record(
      name: Array(name.utf8), method: 0, crc: libdeflate_crc32(0, header, header.count), compressed: size,
      size: size, offset: file.count)
    self.header = header
    left = bodyCount
  }

  /// - Precondition: a member has begun and wants as many bytes; all of them at once where it is compressed.
  mutating func append(_ bytes: Bytes) throws {
    guard var record = pending, bytes.count <= left else { preconditionFailure("more than a member's bytes") }
    let isFirst = file.count == record.offset
    left -= bytes.count
    record.crc = bytes.withUnsafeBytes { libdeflate_crc32(record.crc, $0.baseAddress, $0.count) }
    if isFirst, left == 0, let compression {
      let (packed, count) = try deflate(header, bytes, level: compression)
      if count < record.size {
        (record.method, record.compressed) = (8, count)
        try writeLocalHeader(record)
        try packed.withUnsafeBytes { try file.write(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        return finishMember(record)
      }
    }
    if isFirst {
      try writeLocalHeader(record)
      try file.write(header)
    }
    try file.write(bytes)
    pending = record
    guard left == 0 else { return }
    // The checksum precedes the bytes that it covers.
    if !isFirst {
      try file.overwrite(at: record.offset + Self.checksumOffset, Self.little(Int(record.crc), 4))
    }
    finishMember(record)
  }

  private mutating func finishMember(_ record: Record) {
    records.append(record)
    pending = nil
  }

  /// Of a local header.
  private static let checksumOffset = 14

  private func deflate(_ header: [UInt8], _ body: Bytes, level: Int) throws -> (Bytes, Int) {
    guard let compressor = libdeflate_alloc_compressor(Int32(level)) else {
      throw Failure(.resource, "not enough memory to compress")
    }
    defer { libdeflate_free_compressor(compressor) }
    let whole = try Bytes(count: header.count + body.count) { out in
      out.copyBytes(from: header)
      body.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: out[header.count...]).copyMemory(from: source)
      }
    }
    var count = 0
    let packed = try Bytes(count: libdeflate_deflate_compress_bound(compressor, whole.count)) { out in
      count = whole.withUnsafeBytes {
        libdeflate_deflate_compress(compressor, $0.baseAddress, $0.count, out.baseAddress, out.count)
      }
    }
    guard count > 0 else { return (packed, Int.max) }
    return (packed, count)
  }

  private static func little(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private func isASCII(_ name: [UInt8]) -> Bool { name.allSatisfy { $0 < 128 } }

  private func writeLocalHeader(_ r: Record) throws {
    let zip64 = r.size >= 0xFFFF_FFFF || r.compressed >= 0xFFFF_FFFF
    var h: [UInt8] = [0x50, 0x4B, 3, 4]
    h += Self.little(zip64 ? 45 : 20, 2) + Self.little(isASCII(r.name) ? 0 : 0x800, 2)
    h += Self.little(Int(r.method), 2) + Self.little(0, 2) + Self.little(0x21, 2)  // 1980-01-01
    h += Self.little(Int(r.crc), 4)
    h += Self.little(zip64 ? 0xFFFF_FFFF : r.compressed, 4)
    h += Self.little(zip64 ? 0xFFFF_FFFF : r.size, 4)
    h += Self.little(r.name.count, 2) + Self.little(zip64 ? 20 : 0, 2) + r.name
    if zip64 {
      h += Self.little(1, 2) + Self.little(16, 2) + Self.little(r.size, 8)
      h += Self.little(r.compressed, 8)
    }
    try file.write(h)
  }

  /// Writes the directory; nothing may be added after it.
  /// - Parameter comment: the archive's, at most 65,535 bytes.
  func finish(comment: [UInt8] = []) throws {
    let start = file.count
    for r in records {
      var extra: [UInt8] = []
      let mark = 0xFFFF_FFFF
      if r.size >= mark { extra += Self.little(r.size, 8) }
      if r.compressed >= mark { extra += Self.little(r.compressed, 8) }
      if r.offset >= mark { extra += Self.little(r.offset, 8) }
      if !extra.isEmpty { extra = Self.little(1, 2) + Self.little(extra.count, 2) + extra }
      var h: [UInt8] = [0x50, 0x4B, 1, 2]
      let version = extra.isEmpty ? 20 : 45
      h += Self.little(version, 2) + Self.little(version, 2)
      h += Self.little(isASCII(r.name) ? 0 : 0x800, 2) + Self.little(Int(r.method), 2)
      h += Self.little(0, 2) + Self.little(0x21, 2) + Self.little(Int(r.crc), 4)
      h += Self.little(min(r.compressed, mark), 4) + Self.little(min(r.size, mark), 4)
      h += Self.little(r.name.count, 2) + Self.little(extra.count, 2)
      h += Self.little(0, 2) + Self.little(0, 2) + Self.little(0, 2) + Self.little(0, 4)
      h += Self.little(min(r.offset, mark), 4) + r.name + extra
      try file.write(h)
    }
    let size = file.count - start
    if records.count >= 0xFFFF || start >= 0xFFFF_FFFF || size >= 0xFFFF_FFFF {
      let at = file.count
      var h: [UInt8] = [0x50, 0x4B, 6, 6] + Self.little(44, 8) + Self.little(45, 2)
      h += Self.little(45, 2) + Self.little(0, 4) + Self.little(0, 4)
      h += Self.little(records.count, 8) + Self.little(records.count, 8)
      h += Self.little(size, 8) + Self.little(start, 8)
      h += [0x50, 0x4B, 6, 7] + Self.little(0, 4) + Self.little(at, 8) + Self.little(1, 4)
      try file.write(h)
    }
    let count = min(records.count, 0xFFFF)
    try file.write(
      [0x50, 0x4B, 5, 6] + Self.little(0, 4) + Self.little(count, 2) + Self.little(count, 2)
        + Self.little(min(size, 0xFFFF_FFFF), 4) + Self.little(min(start, 0xFFFF_FFFF), 4)
        + Self.little(comment.count, 2) + comment)
  }
}
