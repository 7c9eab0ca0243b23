import Foundation
import VTCore

/// A member of a tar archive.
package struct TarEntry: Sendable {
  package enum Kind: Sendable, Equatable {
    case file, folder
    /// Neither a file nor a folder, such as a link or a device; the text says which.
    case other(String)
  }

  /// Its path, as `String.init(fileBytes:)` gives it.
  package let name: String
  package let kind: Kind
  /// Where its bytes begin.
  package let offset: Int
  package let size: Int
}

/// Reads tar archives (POSIX ustar and pax, GNU's long names) by their headers alone.
package struct TarArchive: Sendable {
  package let bytes: ArchiveBytes
  package private(set) var entries: [TarEntry] = []

  private static let block = 512
  /// Names and attributes that a header carries.
  private static let longestText = 1 << 20

  /// Whether a file begins as a tar archive does: with a header whose sum is right.
  package static func matches(_ head: some Collection<UInt8>) -> Bool {
    head.count >= block && isHeader(Array(head.prefix(block)))
  }

  /// - Throws: `Failure` naming the archive and the byte where it is damaged.
  package init(_ bytes: ArchiveBytes) throws {
    self.bytes = bytes
    do { try readHeaders() } catch let failure as Failure { throw failure.located(file: bytes.path) }
  }

  private mutating func readHeaders() throws {
    var at = 0
    // What extended headers say of the next member.
    var (longName, pax): ([UInt8]?, [String: [UInt8]]) = (nil, [:])
    while bytes.count - at >= Self.block {
      let header = [UInt8](try bytes.read(at, Self.block))
      if header.allSatisfy({ $0 == 0 }) { return }
      guard Self.isHeader(header) else {
        throw Failure(
          "the archive is damaged: no member's header", offset: at, hint: "fetch the file again")
      }
      var size = try Self.number(header[124..<136], at: at)
      let type = header[156]
      let isOwn = !Self.extensions.contains(type)
      if isOwn, let text = pax["size"] {
        guard let value = Int(String(decoding: text, as: UTF8.self)), value >= 0 else {
          throw Failure("a member's size is not a number", offset: at)
        }
        size = value
      }
      let start = at + Self.block
      // Links say a size and have no bytes.
      if UInt8(ascii: "1")...UInt8(ascii: "6") ~= type { size = 0 }
      guard size <= bytes.count - start else {
        throw Failure(
          "the archive ends before its member does (\(size) bytes, \(bytes.count - start) are left)",
          offset: at, hint: "the file is truncated; fetch it again")
      }
      if isOwn {
        let name = pax["path"] ?? longName ?? Self.name(header)
        if pax.keys.contains(where: { $0.hasPrefix("GNU.sparse") }) {
          try append(name, .other("a sparse file"), start, size, at)
        } else {
          try append(name, Self.kind(type, name), start, size, at)
        }
        (longName, pax) = (nil, [:])
      } else {
        guard size <= Self.longestText else {
          throw Failure("a header of \(size) bytes", offset: at)
        }
        let text = [UInt8](try bytes.read(start, size))
        switch type {
        case UInt8(ascii: "L"): longName = Array(text.prefix { $0 != 0 })
        case UInt8(ascii: "x"): pax = try Self.attributes(text, at: start)
        default: break
        }
      }
      // Whole blocks; the archive may end in its last member.
      at = start + min(bytes.count - start, (size + Self.block - 1) / Self.block * Self.block)
    }
    guard at >= bytes.count || at > 0 else {
      throw Failure("not a tar archive: it is shorter than a header", offset: at)
    }
    guard try bytes.read(at, bytes.count - at).allSatisfy({ $0 == 0 }) else {
      throw Failure(
        "the archive ends within a member's header", offset: at,
        hint: "the file is truncated; fetch it again")
    }
  }

  /// GNU's long names and links, pax attributes of one member and of all.
  private static let extensions: [UInt8] = Array("LKxgX".utf8)

  private mutating func append(
    _ name: [UInt8], _ kind: TarEntry.Kind, _ offset: Int, _ size: Int, _ header: Int
  ) throws {
    let text = String(fileBytes: name)
    guard let path = ArchivePath.clean(text) else {
      throw Failure(
        "a member's name leads outside the archive ('\(text.printable)')", offset: header,
        hint: "fetch the archive from a source you trust")
    }
    if path.isEmpty { return }
    entries.append(TarEntry(name: path, kind: kind, offset: offset, size: size))
  }

  private static func kind(_ type: UInt8, _ name: [UInt8]) -> TarEntry.Kind {
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
      // Before POSIX, folders were files whose names end so.
      name.last == UInt8(ascii: "/") ? .folder : .file
    case UInt8(ascii: "1"), UInt8(ascii: "2"): .other("a link")
    case UInt8(ascii: "3"), UInt8(ascii: "4"), UInt8(ascii: "6"): .other("a device")
    case UInt8(ascii: "5"): .folder
    case UInt8(ascii: "S"): .other("a sparse file")
    default: .other("a member of an unknown kind")
    }
  }

  private static func name(_ header: [UInt8]) -> [UInt8] {
    let own = header[..<100].prefix { $0 != 0 }
    // GNU's own format keeps times where ustar keeps the front of a name.
    guard header[257..<263].elementsEqual("ustar\0".utf8) else { return Array(own) }
    let front = header[345..<500].prefix { $0 != 0 }
    return front.isEmpty ? Array(own) : front + [UInt8(ascii: "/")] + own
  }

  /// The sum of all bytes, those of the sum itself taken for spaces; some wrote it with signed bytes.
  private static func isHeader(_ header: [UInt8]) -> Bool {
    guard let sum = try? number(header[148..<156], at: 0) else { return false }
    var (unsigned, signed) = (8 * 32, 8 * 32)
    for (place, byte) in header.enumerated() where !(148..<156).contains(place) {
      unsigned += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    return sum == unsigned || sum == signed
  }

  /// Octal digits, or, where the first bit is set, a big-endian number.
  private static func number(_ field: ArraySlice<UInt8>, at offset: Int) throws -> Int {
    let malformed = Failure("a member's header has a malformed number", offset: offset)
    var value = 0
    if let first = field.first, first & 0x80 != 0 {
      guard first == 0x80, field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else { throw malformed }
      for byte in field.suffix(8) {
        guard value < 1 << 54 else { throw malformed }
        value = value << 8 | Int(byte)
      }
      return value
    }
    let digits = field.drop { $0 == 32 }.prefix { $0 != 0 && $0 != 32 }
    for digit in digits {
      guard (48...55).contains(digit) else { throw malformed }
      value = value << 3 | Int(digit - 48)
    }
    return value
  }

  /// Lines such as `24 path=a long name`, whose number is the line's length.
  private static func attributes(_ text: [UInt8], at offset: Int) throws -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    var rest = text[...]
    while let first = rest.first, first != 0 {
      let digits = rest.prefix { (48...57).contains($0) }
      guard digits.count <= 7, let length = Int(String(decoding: digits, as: UTF8.self)),
        length > digits.count + 3, length <= rest.count,
        rest[rest.startIndex + digits.count] == 32, rest[rest.startIndex + length - 1] == 10,
        let equals = rest[..<(rest.startIndex + length)].firstIndex(of: UInt8(ascii: "="))
      else { throw Failure("a member's attributes are malformed", offset: offset) }
      let key = String(decoding: rest[(rest.startIndex + digits.count + 1)..<equals], as: UTF8.self)
      result[key] = Array(rest[(equals + 1)..<(rest.startIndex + length - 1)])
      rest = rest.dropFirst(length)
    }
    return result
  }
}

/// Paths within an archive.
package enum ArchivePath {
  /// The path without empty parts and `.`; nil where it leads outside.
  package static func clean(_ path: String) -> String? {
    // Windows' spelling of a place, and a root.
    if path.hasPrefix("/") || path.contains("\0") || path.dropFirst().hasPrefix(":\\") { return nil }
    let parts = path.split(separator: "/").filter { $0 != "." }
    return parts.contains("..") || path.contains("..\\") ? nil : parts.joined(separator: "/")
  }
}
