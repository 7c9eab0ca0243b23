import Checkpoint

/// A rule file's names for one variant, ready to match.
struct CompiledRules: Sendable {
  struct Compiled: Sendable {
    let rule: RuleFile.Rule
    let native: NamePattern
    let sources: [NamePattern]
  }

  let variant: String
  let rules: [Compiled]
  let ignore: [(pattern: NamePattern, beside: NamePattern?, reason: String)]
  let without: [(pattern: NamePattern, reason: String)]
  let computed: [(source: NamePattern, native: NamePattern, tensor: ComputedTensor)]
  let detect: [NamePattern]
  /// What stands before a block's number, where files may hold one tensor for all blocks.
  let stacked: String?
  /// Keras layers: what their weights' names look like, and their own names.
  let kerasLayers: [(weights: NamePattern, name: NamePattern)]
  /// Texts of wildcards where no file gives them.
  let defaultWildcards: [String: String]

  init(_ file: RuleFile, variant: String) throws {
    self.variant = variant
    let variables = file.variants.first { $0.name == variant }?.variables ?? [:]
    let counts = Set(file.counters.map(\.name))
    let wildcards = Set(file.wildcards.keys)
    func pattern(_ text: String) throws -> NamePattern {
      try NamePattern(text, variables: variables, counts: counts, wildcards: wildcards)
    }
    rules = try file.rules.map { rule in
      do {
        var rule = rule
        if rule.axesText.contains("{") {
          rule.axes = try AxisPattern(rule.axesText, variables: variables)
        }
        return Compiled(
          rule: rule, native: try pattern(rule.native), sources: try rule.sources.map(pattern))
      } catch let failure as Failure {
        throw Failure("line \(rule.line): \(failure.problem)")
      }
    }
    ignore = try file.ignore.map { (try pattern($0.pattern), try $0.beside.map(pattern), $0.reason) }
    without = try file.without.map { (try pattern($0.pattern), $0.reason) }
    computed = try file.computed.map { (try pattern($0.source), try pattern($0.native), $0) }
    detect = try file.detect.map(pattern)
    stacked = try file.stacked.map { try pattern($0).name(numbers: [:], wildcards: [:]) }
    kerasLayers = try (file.keras?.layers ?? []).map { (try pattern($0 + "/*"), try pattern($0)) }
    defaultWildcards = file.wildcards.compactMapValues { $0[variant] ?? $0[""] }
  }

  /// Every rule with its numbers, in the order of the network: neighbouring rules that share a counter run
  /// through it together, all of one block before the next.
  func expanded(_ counts: Counts) -> [(index: Int, numbers: [String: Int])] {
    expanded(rules.indices, depth: 0, [:], counts)
  }

  private func expanded(
    _ range: Range<Int>, depth: Int, _ numbers: [String: Int], _ counts: Counts
  ) -> [(index: Int, numbers: [String: Int])] {
    var result: [(Int, [String: Int])] = []
    var at = range.lowerBound
    while at < range.upperBound {
      func counter(_ index: Int) -> String? { rules[index].native.numbers.dropFirst(depth).first }
      guard let name = counter(at) else {
        result.append((at, numbers))
        at += 1
        continue
      }
      var end = at
      while end < range.upperBound, counter(end) == name { end += 1 }
      for number in 0..<counts.limit(name, numbers) {
        let inner = numbers.merging([name: number]) { $1 }
        result += expanded(at..<end, depth: depth + 1, inner, counts)
      }
      at = end
    }
    return result
  }
}
