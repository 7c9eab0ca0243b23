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
  let ignore: [(pattern: NamePattern, reason: String)]
  let detect: [NamePattern]
  let kerasLayers: [String]
  /// Texts of wildcards where no file gives them.
  let defaultWildcards: [String: String]

  init(_ file: RuleFile, variant: String) throws {
    self.variant = variant
    let variables = file.variants.first { $0.name == variant }?.variables ?? [:]
    let counts = Set(file.counts.keys)
    let wildcards = Set(file.wildcards.keys)
    func pattern(_ text: String) throws -> NamePattern {
      try NamePattern(text, variables: variables, counts: counts, wildcards: wildcards)
    }
    rules = try file.rules.map { rule in
      do {
        return Compiled(
          rule: rule, native: try pattern(rule.native), sources: try rule.sources.map(pattern))
      } catch let failure as Failure {
        throw Failure("line \(rule.line): \(failure.problem)")
      }
    }
    ignore = try file.ignore.map { (try pattern($0.pattern), $0.reason) }
    detect = try file.detect.map(pattern)
    kerasLayers = try (file.keras?.layers ?? []).map {
      try pattern($0).name(numbers: [:], wildcards: [:])
    }
    defaultWildcards = file.wildcards.compactMapValues { $0[variant] ?? $0[""] }
  }

  /// Every rule with its numbers, in the order of the network: rules that share a number run block by
  /// block, all of one block before the next.
  func expanded(counts: [String: Int]) -> [(index: Int, numbers: [String: Int])] {
    var result: [(Int, [String: Int])] = []
    var at = 0
    while at < rules.count {
      let names = rules[at].native.numbers
      guard let name = names.first else {
        result.append((at, [:]))
        at += 1
        continue
      }
      var end = at
      while end < rules.count, rules[end].native.numbers == names { end += 1 }
      for number in 0..<(counts[name] ?? 0) {
        for index in at..<end { result.append((index, [name: number])) }
      }
      at = end
    }
    return result
  }
}
