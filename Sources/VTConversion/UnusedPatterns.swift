import VTCheckpoint
import VTCore

/// Patterns of `--ignore` and `--allow-missing` that match nothing: most likely a typing error.
enum UnusedPatterns {
  /// - Parameters:
  ///   - names: of all tensors in the file.
  ///   - wanted: of all tensors that the network expects, in the file's and in VTKit's spelling.
  static func notes(ignore: NameFilter, allowMissing: NameFilter, names: [String], wanted: [String])
    -> [LoadNote]
  {
    ignore.unused(among: names).map { note("--ignore", $0, "no tensor of the file", names) }
      + allowMissing.unused(among: names + wanted).map {
        note("--allow-missing", $0, "no tensor that the network needs", wanted)
      }
  }

  /// The same for a file that is not converted.
  static func notes(ignore: [String], names: [String]) throws -> [LoadNote] {
    notes(ignore: try NameFilter(ignore), allowMissing: try NameFilter([]), names: names, wanted: [])
  }

  private static func note(_ option: String, _ pattern: String, _ what: String, _ names: [String]) -> LoadNote
  {
    let plain = pattern.replacing("*", with: "")
    let close = names.count <= 5000 ? plain.closest(in: names, limit: 1).first : nil
    return LoadNote(
      .unused, "\(option) '\(pattern)' matches \(what)" + (close.map { " (is it '\($0)'?)" } ?? ""))
  }
}

extension StateDict {
  /// The note on patterns that match nothing for `leaveOut`.
  package func unusedPatterns(_ patterns: [String]) throws -> [LoadNote] {
    try UnusedPatterns.notes(ignore: patterns, names: names)
  }
}
