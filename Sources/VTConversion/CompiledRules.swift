import VTCheckpoint
import VTCore

/// A rule file's names for one variant, ready to match.
struct CompiledRules: Sendable {
  struct Compiled: Sendable {
    let rule: RuleFile.Rule
    let native: NamePattern
    let sources: [NamePattern]
  }

  let variant: String
  let rules: [Compiled]
  /// Every source name of every rule, in order.
  private let sources: [(rule: Int, source: Int, pattern: NamePattern)]
  private let sourceIndex: PatternIndex
  let ignore: [(pattern: NamePattern, beside: NamePattern?, reason: String)]
  let dropped: [(pattern: NamePattern, reason: String)]
  let computed: [(source: NamePattern, native: NamePattern, tensor: ComputedTensor)]
  /// The part of a name before a block's number, in dialects whose files may hold one tensor for all blocks.
  let scanAxis: String?
  /// Keras layers: patterns of their weights' names, and the layers' names.
  let kerasLayers: [(weights: NamePattern, name: NamePattern)]
  /// Default values of wildcards.
  let defaultWildcards: [String: String]

  init(_ file: RuleFile, variant: String) throws {
    self.variant = variant
    let variables = file.variables(variant)
    let pattern = file.patterns(variant)
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
    sources = rules.enumerated().flatMap { rule, compiled in
      compiled.sources.enumerated().map { (rule, $0, $1) }
    }
    sourceIndex = PatternIndex(sources.map(\.pattern))
    ignore = try file.ignore.map { (try pattern($0.pattern), try $0.beside.map(pattern), $0.reason) }
    dropped = try file.dropped.map { (try pattern($0.pattern), $0.reason) }
    computed = try file.computed.map { (try pattern($0.source), try pattern($0.native), $0) }
    scanAxis = try file.scanAxis.map { try pattern($0).name(numbers: [:], wildcards: [:]) }
    kerasLayers = try (file.keras?.layers ?? []).map { (try pattern($0 + "/*"), try pattern($0)) }
    defaultWildcards = file.wildcards.compactMapValues { $0[variant] ?? $0[""] }
  }

  /// The rules' source names that a tensor's name matches, in order.
  func matches(_ name: [UInt8]) -> some Sequence<(rule: Int, source: Int, match: NamePattern.Match)> {
    sourceIndex.candidates(name).lazy.compactMap { place in
      let source = sources[place]
      return source.pattern.match(name).map { (source.rule, source.source, $0) }
    }
  }

  /// Every rule for every block, in the order of the network: neighbouring rules with the same counter are
  /// expanded together, all of one block before the next.
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

extension RuleFile {
  /// A variant's values of placeholders.
  fileprivate func variables(_ variant: String) -> [String: String] {
    variants.first { $0.name == variant }?.variables ?? [:]
  }

  /// Parses a name from the rule file with the variant's placeholders.
  fileprivate func patterns(_ variant: String) -> (String) throws -> NamePattern {
    let variables = variables(variant)
    let counts = Set(counters.map(\.name))
    let wildcards = Set(wildcards.keys)
    return { try NamePattern($0, variables: variables, counts: counts, wildcards: wildcards) }
  }

  /// The names that mark files of the variant.
  func marks(_ variant: String) throws -> [NamePattern] { try detect.map(patterns(variant)) }
}
