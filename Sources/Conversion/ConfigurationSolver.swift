import Checkpoint

/// Puts a network's configuration together from what a rule file states, what the tensors show and what the
/// user gives.
struct ConfigurationSolver {
  let file: RuleFile
  /// Keys that a tensor settles; nothing may contradict them.
  private(set) var settled: [String: JSON] = [:]
  /// Keys from the rule file, a library's own configuration or the user; the later wins.
  private(set) var stated: [String: JSON] = [:]
  /// Keys that no source gave, taken by the rule file's convention.
  private(set) var assumed: [String] = []
  private let given: [String: JSON]
  /// Lengths of axes that tensors show.
  private let axisLengths: [String: Int]

  /// - Parameters:
  ///   - given: the user's own keys.
  ///   - sidecar: the library's configuration file.
  init(
    _ file: RuleFile, given: JSON?, sidecar: JSON?, axisLengths: [String: Int],
    counts: [String: Int], presence: [String: JSON]
  ) throws {
    self.file = file
    self.axisLengths = axisLengths
    self.given = Dictionary(
      uniqueKeysWithValues: (given?.members ?? []).map { ($0.key, $0.value) })
    for (key, value) in file.configuration { stated[key] = value }
    if let rules = file.sidecar, let sidecar {
      for (key, source) in rules.keys {
        guard let value = sidecar[source], value != .null else { continue }
        stated[key] = value.string.flatMap { rules.values[$0] }.map { .string($0) } ?? value
      }
    }
    for (key, value) in self.given where key != "architecture" { stated[key] = value }
    for (name, length) in axisLengths {
      if let key = file.axes[name]?.singleName { try settle(key, .int(length)) }
    }
    for (name, key) in file.counts { try settle(key, .int(counts[name] ?? 0)) }
    for (key, value) in presence { try settle(key, value) }
    try complete()
  }

  /// - Throws: `Failure` where the user's own key says otherwise, or two tensors do.
  private mutating func settle(_ key: String, _ value: JSON) throws {
    if let before = settled[key], before != value {
      throw Failure("the tensors disagree about '\(key)': \(before.text()) and \(value.text())")
    }
    if let wanted = given[key], wanted != value {
      throw Failure(
        "the configuration says \(key) = \(wanted.text()), the tensors say \(value.text())",
        remedy: "correct --model-config, or leave the key out")
    }
    settled[key] = value
  }

  /// Derives keys from others until nothing new comes; then assumes one and derives again.
  private mutating func complete() throws {
    while true {
      var changed = true
      while changed {
        changed = false
        for (key, expression) in file.derive where settled[key] == nil {
          if let value = expression.evaluate(lookUp) {
            try settle(key, value)
            changed = true
          }
        }
      }
      let next = file.assume.first { key, expression in
        lookUp(key) == nil && expression.evaluate(lookUp) != nil
      }
      guard let (key, expression) = next, let value = expression.evaluate(lookUp) else { return }
      stated[key] = value
      assumed.append(key)
    }
  }

  /// A configuration key or an axis.
  func lookUp(_ name: String) -> JSON? {
    settled[name] ?? stated[name] ?? axisLengths[name].map { .int($0) }
  }

  /// Lengths of all named axes, by configuration first.
  var lengths: [String: Int] {
    var result = axisLengths
    for (name, expression) in file.axes {
      if let value = expression.evaluate(lookUp)?.int { result[name] = value }
    }
    return result
  }

  /// The configuration, `architecture` first, the other keys sorted.
  /// - Throws: `Failure` naming a key that nothing settles.
  func configuration() throws -> JSON {
    for (key, _) in file.assume where lookUp(key) == nil {
      throw Failure(
        "the tensors do not tell '\(key)'",
        remedy: "give it: --model-config FILE with {\"\(key)\": ...}")
    }
    for (key, _) in file.derive where lookUp(key) == nil {
      throw Failure("'\(key)' cannot be told from the tensors' shapes")
    }
    let all = stated.merging(settled) { _, tensors in tensors }
    return .object(
      [JSON.Member(key: "architecture", value: .string(file.architecture))]
        + all.sorted { $0.key < $1.key }.map { JSON.Member(key: $0.key, value: $0.value) })
  }
}
