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
  /// Lengths of axes that tensors show; `D[2]` where an axis hangs on a counter.
  private let axisLengths: [String: Int]
  private let counts: Counts

  /// - Parameters:
  ///   - given: the user's own keys.
  ///   - folder: what the library's JSON files beside the weights say.
  init(
    _ file: RuleFile, given: JSON?, folder: FolderReading?, axisLengths: [String: Int],
    counts: Counts, presence: [String: JSON]
  ) throws {
    self.file = file
    self.counts = counts
    self.axisLengths = axisLengths
    self.given = Dictionary(
      uniqueKeysWithValues: (given?.members ?? []).map { ($0.key, $0.value) })
    for (key, value) in file.configuration { stated[key] = value }
    for statement in folder?.statements ?? [] { stated[statement.key] = statement.value }
    if let size = folder?.preprocessing?.size, stated["image_size"] == nil {
      stated["image_size"] = .int(size)
    }
    for (key, value) in self.given where key != "architecture" { stated[key] = value }
    for (name, length) in axisLengths.sorted(by: { $0.key < $1.key }) {
      if let key = file.axes[name]?.singleName, key != Self.anything { try settle(key, .int(length)) }
    }
    for (key, value) in counts.settled { try settle(key, value) }
    for (axis, expression) in file.axes {
      guard let (key, counter) = expression.singleElement, key != Self.anything else { continue }
      let items = (0..<counts.limit(counter, [:])).map { axisLengths["\(axis)[\($0)]"] }
      let known = items.compactMap { $0 }
      if known.count == items.count { try settle(key, .list(known)) }
    }
    for (key, value) in presence { try settle(key, value) }
    try complete()
  }

  /// `any`: an axis of a length of its own in every tensor; `any[stage]`: one for each value of a counter.
  static let anything = "any"

  /// - Throws: `Failure` where the user's own key says otherwise, or two tensors do.
  private mutating func settle(_ key: String, _ value: JSON) throws {
    if let before = settled[key], !before.isSame(as: value) {
      throw Failure("the tensors disagree about '\(key)': \(before.text()) and \(value.text())")
    }
    if let wanted = given[key], !wanted.isSame(as: value) {
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
          if let value = evaluate(expression) {
            try settle(key, value)
            changed = true
          }
        }
      }
      let next = file.assume.first { key, expression in
        lookUp(key) == nil && evaluate(expression) != nil
      }
      guard let (key, expression) = next, let value = evaluate(expression) else { return }
      stated[key] = value
      assumed.append(key)
    }
  }

  /// An expression over an axis that hangs on a counter is a list: one value for each of the counter's.
  private func evaluate(_ expression: Expression) -> JSON? {
    if let value = expression.evaluate(lookUp) { return value }
    let counter =
      expression.names.lazy.compactMap { name in
        file.counters.contains { $0.name == name } ? name : file.counter(ofAxis: name)
      }.first
    guard let counter else { return nil }
    let items = (0..<counts.limit(counter, [:])).map { number in
      expression.evaluate { lookUp($0, [counter: number]) }
    }
    let known = items.compactMap { $0 }
    return known.count == items.count && !known.isEmpty ? .array(known) : nil
  }

  /// What the library's files say against the tensors; the user's own keys count more than they do.
  func contradictions(_ folder: FolderReading) -> [String] {
    folder.statements.compactMap { statement in
      guard statement.isExplicit, given[statement.key] == nil, let value = settled[statement.key],
        !statement.accepted.contains(where: { $0.isSame(as: value) })
      else { return nil }
      return "\(statement.member) = \(statement.value.text()), the tensors \(value.text())"
    }
  }

  /// Whether a key is neither in the tensors nor given by the user.
  func isOpen(_ key: String) -> Bool { settled[key] == nil && given[key] == nil }

  /// A configuration key or an axis.
  func lookUp(_ name: String) -> JSON? { lookUp(name, [:]) }

  /// The same where counters stand at given numbers.
  func lookUp(_ name: String, _ numbers: [String: Int]) -> JSON? {
    if let value = numbers[name].map({ JSON.int($0) }) ?? settled[name] ?? stated[name] { return value }
    if let length = axisLengths[name] { return .int(length) }
    guard let counter = file.counter(ofAxis: name), let at = numbers[counter] else { return nil }
    return axisLengths["\(name)[\(at)]"].map { .int($0) }
  }

  /// Lengths of a rule's axes, by configuration first; those that may be anything from the tensor itself.
  func lengths(_ axes: AxisPattern, _ numbers: [String: Int], shape: [Int]) -> [String: Int] {
    var result: [String: Int] = [:]
    for name in axes.source.flatMap(\.names) {
      result[name] =
        file.axes[name]?.length { lookUp($0, numbers) } ?? lookUp(name, numbers)?.int
    }
    for (name, length) in axes.bindings(source: shape) ?? []
    where file.axes[name]?.singleName == Self.anything {
      result[name] = length
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
    var all = stated.merging(settled) { _, tensors in tensors }
    for (key, value) in all where given[key] == nil { all[key] = file.fixed(key, value, lookUp) }
    return .object(
      [JSON.Member(key: "architecture", value: .string(file.architecture))]
        + all.sorted { $0.key < $1.key }.map { JSON.Member(key: $0.key, value: $0.value) })
  }
}
