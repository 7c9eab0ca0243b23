import Foundation
import VTCheckpoint
import VTCore
import VTData

/// `pictures.jsonl` of a run folder: each image's set, class and name, a line each. Tells which files are missing or
/// new where a run finds other data than it began with.
enum DataListing {
  private static func lines(_ data: any ImageDataSet) -> [String] {
    [("train", data.training), ("val", data.validation)].flatMap { set, images in
      images.map { image in
        JSON.array([.string(set), .string(data.classes[image.label]), .string(image.name)]).text()
      }
    }
  }

  static func write(_ data: any ImageDataSet, to path: String) throws {
    let file = try OutputFile(path, overwrite: true)
    for line in lines(data) { try file.write(line + "\n") }
    try file.commit()
  }

  /// The first files that differ, in words; nil where the listing is missing.
  static func difference(_ data: any ImageDataSet, from path: String) -> String? {
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    let before = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    let now = lines(data)
    func first(_ lines: [String], notIn others: [String], _ what: String) -> String? {
      let known = Set(others.map(key))
      let left = lines.filter { !known.contains(key($0)) }
      guard !left.isEmpty else { return nil }
      let names = left.prefix(3).map { key($0).printable }.joined(separator: ", ")
      return "\(left.count) \(what): \(names)" + (left.count > 3 ? ", ..." : "")
    }
    let parts = [
      first(before, notIn: now, "missing"), first(now, notIn: before, "new"),
    ].compactMap(\.self)
    return parts.isEmpty ? "the same files, divided otherwise" : parts.joined(separator: "; ")
  }

  /// `class/name` of a line: which set a file falls to follows from all files.
  private static func key(_ line: String) -> String {
    guard let parts = try? JSON(parsing: line).array?.compactMap(\.string), parts.count == 3 else {
      return line
    }
    return parts[1] + "/" + parts[2]
  }
}
