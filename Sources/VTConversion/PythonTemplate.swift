import VTConverters
import VTCore

/// The file of Python lines beside a rule file (`vit-timm.py.txt`). It has sections; the first whose
/// condition holds is used.
///
/// ```
/// # How the library loads an exported file.
/// #: value gelu_tanh = gelu_pytorch_tanh
///
/// #: when num_classes == 0
/// #: unsupported
///
/// #: otherwise
/// model = library.ViT(depth={depth})
/// ```
enum PythonTemplate {
  /// Begins a line that is not Python.
  private static let mark = "#: "

  /// - Throws: `Failure` naming the line.
  static func snippets(_ text: String) throws -> [PythonSnippet] {
    var values: [String: String] = [:]
    var snippets: [PythonSnippet] = []
    var section: (line: Int, when: Expression?, lines: [Substring], isUnsupported: Bool)?
    func end() throws {
      guard let section else { return }
      let text = section.lines.joined(separator: "\n")
      guard section.isUnsupported == text.allSatisfy(\.isWhitespace) else {
        throw Failure("line \(section.line): expected either Python lines or '\(mark)unsupported'")
      }
      do {
        snippets.append(
          try PythonSnippet(
            when: section.when, values: values, text: section.isUnsupported ? nil : text))
      } catch let failure as Failure { throw Failure("line \(section.line): \(failure.problem)") }
    }
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard line.hasPrefix(mark) else {
        if section != nil {
          section?.lines.append(line)
        } else if !line.hasPrefix("#"), !line.allSatisfy(\.isWhitespace) {
          throw Failure("line \(index + 1): Python lines come after '\(mark)when ...' or '\(mark)otherwise'")
        }
        continue
      }
      let words = line.dropFirst(mark.count).split(separator: " ", maxSplits: 1).map(String.init)
      switch (words.first, words.count) {
      case ("value", 2):
        let sides = words[1].split(separator: "=").map { $0.filter { $0 != " " } }
        guard section == nil, sides.count == 2 else {
          throw Failure("line \(index + 1): '\(mark)value ours = theirs' belongs before the first section")
        }
        values[sides[0]] = sides[1]
      case ("when", 2), ("otherwise", 1):
        try end()
        do {
          section = (index + 1, words.count == 2 ? try Expression(words[1]) : nil, [], false)
        } catch let failure as Failure { throw Failure("line \(index + 1): \(failure.problem)") }
      case ("unsupported", 1) where section != nil: section?.isUnsupported = true
      default:
        throw Failure(
          "line \(index + 1): '\(String(line).printable)' is not '\(mark)value', '\(mark)when', '\(mark)otherwise' or '\(mark)unsupported'"
        )
      }
    }
    try end()
    return snippets
  }
}

extension RuleFile {
  /// How the library loads an exported file; empty if no file says so.
  /// - Throws: `Failure` naming file and line.
  func pythonSnippets() throws -> [PythonSnippet] {
    guard let text = pythonText ?? (isBuiltIn ? EmbeddedConverters.pythonTemplate(of: fileName) : nil) else {
      return []
    }
    do { return try PythonTemplate.snippets(text) } catch let failure as Failure {
      throw failure.located(file: fileName.dropLast(".yaml".count) + ".py.txt")
    }
  }
}
