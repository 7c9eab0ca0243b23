import VTCheckpoint
import VTCore

/// A table in text: records of fields between commas or tabs, quoted as RFC 4180 says.
struct DelimitedText {
  struct Record {
    /// The record's first line, from 1.
    let line: Int
    /// As `String.init(fileBytes:)` gives them: file names need not be UTF-8.
    let fields: [String]
  }

  private(set) var records: [Record] = []

  /// - Parameter separator: a comma or a tab.
  /// - Throws: `Failure` naming the line where quotes do not match.
  init(_ bytes: Bytes, separator: UInt8, file: String) throws {
    try bytes.withUnsafeBytes { raw in
      var rest = Scanner(raw: raw, separator: separator, file: file)
      while let record = try rest.record() {
        // Lines without anything are no records.
        if record.fields != [""] { records.append(record) }
      }
    }
  }

  private struct Scanner {
    let raw: UnsafeRawBufferPointer
    let separator: UInt8
    let file: String
    var at: Int
    var line = 1

    init(raw: UnsafeRawBufferPointer, separator: UInt8, file: String) {
      (self.raw, self.separator, self.file) = (raw, separator, file)
      // The mark that Windows programs put in front of UTF-8.
      at = raw.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    private static let (quote, feed, carriage): (UInt8, UInt8, UInt8) = (0x22, 10, 13)

    mutating func record() throws -> Record? {
      guard at < raw.count else { return nil }
      let first = line
      var fields: [String] = []
      while true {
        fields.append(try field())
        guard at < raw.count else { break }
        let byte = raw[at]
        at += 1
        if byte == separator { continue }
        // `field` stops at a line's end alone.
        if byte == Self.carriage, at < raw.count, raw[at] == Self.feed { at += 1 }
        line += 1
        break
      }
      return Record(line: first, fields: fields)
    }

    private func isEnd(_ byte: UInt8) -> Bool {
      byte == separator || byte == Self.feed || byte == Self.carriage
    }

    private mutating func field() throws -> String {
      guard at < raw.count, raw[at] == Self.quote else {
        let start = at
        while at < raw.count, !isEnd(raw[at]) {
          guard raw[at] != Self.quote else {
            throw malformed("a quote within a field that has none around it")
          }
          guard raw[at] != 0 else { throw malformed("a zero byte: the file is not text (UTF-8)") }
          at += 1
        }
        return String(fileBytes: Array(raw[start..<at]))
      }
      let opened = line
      var bytes: [UInt8] = []
      at += 1
      while true {
        guard at < raw.count else {
          throw Failure("line \(opened): a quote is not closed", file: file)
        }
        let byte = raw[at]
        at += 1
        if byte == Self.quote {
          guard at < raw.count, raw[at] == Self.quote else { break }
          at += 1
        }
        if byte == Self.feed { line += 1 }
        guard byte != 0 else { throw malformed("a zero byte: the file is not text (UTF-8)") }
        bytes.append(byte)
      }
      guard at == raw.count || isEnd(raw[at]) else { throw malformed("text behind a closed quote") }
      return String(fileBytes: bytes)
    }

    private func malformed(_ what: String) -> Failure { Failure("line \(line): \(what)", file: file) }
  }
}
