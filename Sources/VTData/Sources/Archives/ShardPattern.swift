import Foundation
import VTCheckpoint
import VTCore

/// `shards/train-{0000..0099}.tar`, `shards/{a,b}.tar` and `shards/*.tar`: the files that such a pattern names.
enum ShardPattern {
  private static let most = 1 << 20

  /// nil where the path has nothing of a pattern.
  /// - Throws: `Failure` where no file is there that it may name.
  static func paths(_ pattern: String) throws -> [String]? {
    guard pattern.contains(where: { "{*?[".contains($0) }) else { return nil }
    var result: [String] = []
    for path in try braces(pattern, pattern) {
      guard path.contains(where: { "*?[".contains($0) }) else {
        result.append(path)
        continue
      }
      let name = (path as NSString).lastPathComponent
      let folder = (path as NSString).deletingLastPathComponent
      guard !folder.contains(where: { "*?[".contains($0) }) else {
        throw Failure(.usage, "a pattern of folders", file: pattern, hint: "use * in the file's name alone")
      }
      let found = try FolderListing.entries(folder.isEmpty ? "." : folder).filter { entry in
        !entry.isFolder && fnmatch(name, entry.name, 0) == 0
      }
      result += found.map { folder.isEmpty ? $0.name : folder + "/" + $0.name }
    }
    guard !result.isEmpty else {
      throw Failure("no file has such a name", file: pattern, hint: "check the pattern for a typing mistake")
    }
    return result
  }

  /// Every spelling of the first pair of braces, and so on.
  private static func braces(_ text: String, _ pattern: String) throws -> [String] {
    guard let open = text.firstIndex(of: "{") else { return [text] }
    guard let close = text[open...].firstIndex(of: "}") else {
      throw Failure(.usage, "a brace is not closed", file: pattern)
    }
    let inside = text[text.index(after: open)..<close]
    let rest = try braces(String(text[text.index(after: close)...]), pattern)
    let choices = try range(inside, pattern) ?? inside.split(separator: ",").map(String.init)
    guard choices.count <= most / max(1, rest.count) else {
      throw Failure(.usage, "the pattern names over a million files", file: pattern)
    }
    return choices.flatMap { choice in rest.map { text[..<open] + choice + $0 } }
  }

  /// `0000..0099`: numbers of as many digits.
  private static func range(_ text: Substring, _ pattern: String) throws -> [String]? {
    guard let dots = text.range(of: "..") else { return nil }
    let (from, to) = (text[..<dots.lowerBound], text[dots.upperBound...])
    guard from.count <= 9, to.count <= 9, let first = Int(from), let last = Int(to), first >= 0,
      last >= first,
      last - first < most
    else { throw Failure(.usage, "'{\(text)}' is not a range of numbers", file: pattern) }
    return (first...last).map { number in
      let digits = String(number)
      return String(repeating: "0", count: max(0, from.count - digits.count)) + digits
    }
  }
}
