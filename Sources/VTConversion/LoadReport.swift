import VTCheckpoint
import VTCore

/// The differences between a checkpoint and a converter: every tensor on either side is either used or named
/// here.
package struct LoadReport: Sendable {
  package struct ShapeMismatch: Sendable {
    package let name: String
    package let found: [Int]
    package let expected: String
  }

  /// Tensors that the rules expect and the checkpoint lacks.
  package var missing: [String] = []
  /// Tensors that no rule takes.
  package var unexpected: [String] = []
  package var shapeMismatches: [ShapeMismatch] = []
  /// Tensors that were dropped on purpose, and why.
  package var ignored: [(name: String, reason: String)] = []
  /// Lines of the rule file that expect the missing and misshapen tensors.
  var lines: [String: Int] = [:]

  package var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && shapeMismatches.isEmpty }

  /// The error that lists everything at once, with the closest match of each missing name.
  /// - Parameter showingLines: for authors of rule files.
  func failure(file: String?, converter: String, showingLines: Bool = false) -> Failure {
    let rules = showingLines ? self.lines : [:]
    func line(_ name: String) -> String { rules[name].map { "line \($0): " } ?? "" }
    var lines: [String] = []
    func list(_ title: String, _ items: [String]) {
      guard !items.isEmpty else { return }
      lines.append("\(title) (\(items.count)):")
      lines += items.prefix(40).map { "  " + $0.printable }
      if items.count > 40 { lines.append("  ... and \(items.count - 40) more") }
    }
    list(
      "missing",
      missing.map { name in
        guard unexpected.count <= 2000, let close = name.closest(in: unexpected, limit: 1).first
        else { return line(name) + name }
        return line(name) + "\(name)  (is it '\(close)'?)"
      })
    list("unexpected", unexpected)
    list(
      "shape mismatch",
      shapeMismatches.map { line($0.name) + "\($0.name) is \($0.found), needs \($0.expected)" })
    return Failure(
      "the checkpoint does not fit \(converter):\n" + lines.joined(separator: "\n") + "\n",
      file: file,
      hint: showingLines
        ? "correct these lines, add rules for what is unexpected, or list it under 'ignore'"
        : "pass --from for another dialect, --ignore 'pattern' to leave tensors out, --allow-missing 'pattern' if tensors may be missing"
    )
  }
}

/// One tensor's way through a conversion, for `--dry-run`.
package struct PlanRow: Sendable {
  package let sources: [String]
  package let targets: [String]
  package let type: ElementType
  /// Of each source.
  package let sourceShape: [Int]
  /// Of each target.
  package let shape: [Int]
  /// What happens to the layout; empty if nothing does.
  package let step: String

  package init(
    sources: [String], targets: [String], type: ElementType, sourceShape: [Int]? = nil, shape: [Int],
    step: String
  ) {
    self.sourceShape = sourceShape ?? shape
    self.sources = sources
    self.targets = targets
    self.type = type
    self.shape = shape
    self.step = step
  }
}

/// Patterns in which `*` matches anything.
struct NameFilter {
  private let patterns: [NamePattern]
  /// The prefix of the names in the file; patterns may include it or not.
  private var prefix = ""

  init(_ patterns: [String]) throws {
    self.patterns = try patterns.map {
      try NamePattern($0, variables: [:], counts: [], wildcards: [])
    }
  }

  func matches(_ name: String) -> Bool {
    patterns.contains { $0.match(name) != nil || !prefix.isEmpty && $0.match(prefix + name) != nil }
  }

  /// The patterns that match none of the names.
  func unused(among names: some Sequence<String>) -> [String] {
    patterns.filter { pattern in
      !names.contains { pattern.match($0) != nil || !prefix.isEmpty && pattern.match(prefix + $0) != nil }
    }.map(\.text)
  }

  /// The same for names with a prefix in the file.
  func forNames(under prefix: String) -> NameFilter {
    var result = self
    result.prefix = prefix
    return result
  }
}
