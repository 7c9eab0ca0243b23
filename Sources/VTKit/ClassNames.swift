import Foundation
import VTCheckpoint
import VTCore

/// The names of a network's classes: its own, or those of a file that a user gives.
package struct ClassNames {
  /// One name a line, a JSON list, or a JSON object with `id2label`; nil takes the network's own.
  package let file: String?

  package init(file: String? = nil) { self.file = file }

  /// The names in the order of the network's answers; nil where nothing tells them.
  /// - Parameters:
  ///   - own: the checkpoint's names. Names that only count (LABEL_0, LABEL_1, ...) say nothing.
  ///   - count: the network's number of classes.
  ///   - tell: called with the note that the file overrules other names.
  /// - Throws: `Failure` where there are more or fewer names than classes.
  func names(own: [String]?, count: Int, tell: (VerbEvent) throws -> Void) throws -> [String]? {
    guard let file else {
      let isPlaceholder = own?.enumerated().allSatisfy { $1 == "LABEL_\($0)" } ?? true
      return isPlaceholder || own?.count != count ? nil : own
    }
    let names = try Self.read(file)
    guard names.count == count else {
      throw Failure(
        "the file names \(names.count.counted("class", "classes")), the network tells \(count) apart",
        file: file,
        hint: "give one name for each of the network's classes, in the order of its answers")
    }
    if let twice = Dictionary(grouping: names, by: { $0 }).first(where: { $1.count > 1 })?.key {
      throw Failure("the file names the class '\(twice.printable)' twice", file: file)
    }
    if let own, own.count == count, own != names, own.enumerated().contains(where: { $1 != "LABEL_\($0)" }) {
      try tell(
        .warning(
          "--classes overrules the names that the checkpoint has (its first: \(own.prefix(3).map(\.printable).joined(separator: ", ")))"
        ))
    }
    return names
  }

  private static func read(_ path: String) throws -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure.system("reading", file: path, code: ENOENT)
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw Failure("the file of class names is not UTF-8 text", file: path)
    }
    let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines.union(["\u{FEFF}"]))
    guard trimmed.first == "[" || trimmed.first == "{" else {
      return trimmed.split(whereSeparator: \.isNewline)
        .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
    do {
      if let names = try names(JSON(parsing: trimmed)) { return names }
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
    throw Failure(
      "the JSON gives no class names", file: path,
      hint: "give a list of names, or an object like {\"id2label\": {\"0\": \"cat\", \"1\": \"dog\"}}")
  }

  /// A list, `id2label` or `label2id`, alone or inside a configuration.
  private static func names(_ json: JSON) -> [String]? {
    if let list = json.array {
      let names = list.compactMap(\.string)
      return names.count == list.count ? names : nil
    }
    if let inner = json["id2label"] ?? json["label2id"] { return names(inner) }
    let pairs = (json.members ?? []).compactMap { member -> (Int, String)? in
      if let name = member.value.string { return Int(member.key).map { ($0, name) } }
      return member.value.int.map { ($0, member.key) }
    }
    let sorted = pairs.sorted { $0.0 < $1.0 }
    guard !sorted.isEmpty, sorted.count == json.members?.count,
      sorted.map(\.0) == Array(0..<sorted.count)
    else { return nil }
    return sorted.map(\.1)
  }
}
