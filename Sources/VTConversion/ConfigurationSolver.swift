import VTCheckpoint
import VTCore

/// Assembles a network's configuration from what a rule file fixes, what the tensors show and what the user
/// gives.
struct ConfigurationSolver {
  let file: RuleFile
  /// Keys that tensors settle; nothing may contradict them.
  private(set) var settled: [String: JSON] = [:]
  /// Keys from the rule file, a library's own configuration or the user; later ones win.
  private(set) var stated: [String: JSON] = [:]
  /// Keys that no source gave; the rule file's convention set them.
  private(set) var assumed: [LoadNote] = []
  /// Settled keys that depend on stated ones.
  private var soft: Set<String> = []
  let given: [String: JSON]
  /// Lengths of axes that tensors show; `D[2]` if an axis depends on a counter.
  let axisLengths: [String: Int]
  private let counts: Counts
  private let clues: NetworkClues
  /// Keys that published networks could have settled and did not, and why.
  private var open: [String: String] = [:]

  /// - Parameters:
  ///   - given: the user's own keys.
  ///   - folder: what the library's JSON files beside the weights give.
  init(
    _ file: RuleFile, given: JSON?, folder: FolderReading?, axisLengths: [String: Int],
    counts: Counts, presence: [String: JSON], clues: NetworkClues = NetworkClues()
  ) throws {
    self.file = file
    self.clues = clues
    self.counts = counts
    self.axisLengths = axisLengths
    self.given = Dictionary(
      uniqueKeysWithValues: try (given?.members ?? []).map { ($0.key, try Self.square($0.key, $0.value)) })
    // Published networks and conventions come last.
    let isOpen = Set(file.published + file.assume.map(\.key))
    for (key, value) in file.configuration where !isOpen.contains(key) { stated[key] = value }
    for statement in folder?.statements ?? [] {
      stated[statement.key] = try Self.square(statement.key, statement.value)
    }
    if let size = folder?.preprocessing?.size, stated["image_size"] == nil {
      stated["image_size"] = .int(size)
    }
    for (key, value) in self.given where key != "architecture" { stated[key] = value }
    try checkAxesAgree()
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
    try refuseWhatIsNotTold()
    try complete()
    for (key, value) in file.configuration where lookUp(key) == nil { stated[key] = value }
    try complete()
    // A file that VTKit wrote was checked when it was first read.
    guard !clues.isOwn else { return }
    let networks = try PublishedNetworks.builtIn.get()
    let givenKeys = Set(self.given.keys)
    if let note = try networks.lookAlike(architecture: file.architecture, given: givenKeys, lookUp, clues) {
      assumed.append(note)
    }
  }

  /// `any`: an axis whose length may differ in every tensor; `any[stage]`: one length per value of a counter.
  static let anything = "any"

  /// - Throws: `Failure` if the user's own key, or another tensor, contradicts it.
  private mutating func settle(_ key: String, _ value: JSON) throws {
    if let before = settled[key], !before.isSame(as: value) {
      throw Failure("the tensors disagree about '\(key)': \(before.text()) and \(value.text())")
    }
    if let wanted = given[key], !wanted.isSame(as: value) {
      throw Failure(
        "the configuration says \(key) = \(wanted.text()), the tensors say \(value.text())",
        hint: "correct --model-config, or leave the key out")
    }
    settled[key] = value
  }

  /// Derives keys from others until nothing new results; then looks one key up in published networks, or
  /// assumes it, and derives again.
  private mutating func complete() throws {
    while true {
      var changed = true
      while changed {
        changed = false
        for (key, expression) in file.derive where settled[key] == nil {
          if let value = evaluate(expression) {
            // A key derived from one that no tensor settles is not settled by tensors, either.
            let isFirm = expression.names.allSatisfy { name in
              axisLengths[name] != nil || (settled[name] == nil ? stated[name] == nil : !soft.contains(name))
            }
            if !isFirm { soft.insert(key) }
            try settle(key, value)
            changed = true
          }
        }
      }
      if try takePublished() { continue }
      guard takeAssumption() else { return }
    }
  }

  /// Sets one key by the rule file's convention.
  /// - Returns: whether one was set.
  private mutating func takeAssumption() -> Bool {
    for item in file.assume where lookUp(item.key) == nil {
      guard item.when?.isTrue(lookUp) != false, item.beside.map(clues.names.contains) != false,
        let value = evaluate(item.expression)
      else { continue }
      stated[item.key] = value
      if let reason = item.reason {
        assumed.append(.assumed(item.key, value, "\(reason) (\(Self.option(item.key)) overrides)"))
      }
      return true
    }
    return false
  }

  /// Sets one key that no tensor shows from the published networks of these sizes.
  /// - Returns: whether one was set.
  private mutating func takePublished() throws -> Bool {
    for key in file.published where lookUp(key) == nil && open[key] == nil {
      let networks = try PublishedNetworks.builtIn.get()
      switch try networks.settle(key, architecture: file.architecture, lookUp, clues) {
      case .found(let value, let reason):
        stated[key] = value
        assumed.append(.assumed(key, value, "\(reason) (\(Self.option(key)) overrides)"))
        return true
      case .open(let reason): open[key] = reason
      }
    }
    return false
  }

  /// The option that sets a key.
  private static func option(_ key: String) -> String {
    key == "num_heads" ? "--num-heads" : "--model-config"
  }

  /// An expression over an axis that depends on a counter gives a list, one value per value of the counter.
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

  /// Contradictions between the library's files and the tensors; the user's own keys override the files.
  func contradictions(_ folder: FolderReading) -> [String] {
    folder.statements.compactMap { statement in
      guard statement.isExplicit, given[statement.key] == nil, let value = settled[statement.key],
        !statement.accepted.contains(where: { $0.isSame(as: value) })
      else { return nil }
      return "\(statement.member) = \(statement.value.text()), the tensors \(value.text())"
    }
  }

  /// Keys that the library's own file would give, and that nothing gives without it.
  var unsaid: LoadNote? {
    guard !clues.isOwn, let folder = file.folder else { return nil }
    let keys = folder.defaults.map(\.key).filter { key in
      file.configuration.contains { $0.key == key } && settled[key] == nil && given[key] == nil
        && file.irrelevantWhen[key]?.isTrue(lookUp) != true
    }
    guard !keys.isEmpty else { return nil }
    let values = keys.map { key in
      "\(key) = \(lookUp(key).map { $0.string ?? $0.text() } ?? "?")"
    }
    return LoadNote(
      .assumed, key: keys.count == 1 ? keys[0] : nil,
      "\(values.joined(separator: ", ")): the file does not record \(keys.count == 1 ? "it" : "them"); \(folder.layout.configurationFile) beside it would (--model-config overrides)"
    )
  }

  /// Whether a key is neither in the tensors nor given by the user.
  func isOpen(_ key: String) -> Bool {
    (settled[key] == nil || soft.contains(key)) && given[key] == nil
  }

  /// A configuration key or an axis.
  func lookUp(_ name: String) -> JSON? { lookUp(name, [:]) }

  /// The same with counters at given numbers.
  func lookUp(_ name: String, _ numbers: [String: Int]) -> JSON? {
    if let value = numbers[name].map({ JSON.int($0) }) ?? settled[name] ?? stated[name] { return value }
    if let length = axisLengths[name] { return .int(length) }
    guard let counter = file.counter(ofAxis: name), let at = numbers[counter] else { return nil }
    return axisLengths["\(name)[\(at)]"].map { .int($0) }
  }

  /// Lengths of a rule's axes, from the configuration first; those that it leaves open from the tensor
  /// itself.
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
    try refuseWhatIsNotTold()
    try checkRootsComeOut()
    for (key, reason) in open.sorted(by: { $0.key < $1.key }) where lookUp(key) == nil {
      throw Failure(
        "the tensors do not show \(key), and \(reason)",
        hint: key == "num_heads"
          ? "give it: --num-heads N, or --model-config with {\"num_heads\": N}"
          : "give it: --model-config with {\"\(key)\": ...}")
    }
    for item in file.assume where lookUp(item.key) == nil {
      throw Failure(
        "the tensors do not show '\(item.key)'",
        hint: "give it: --model-config with {\"\(item.key)\": ...}")
    }
    for (key, expression) in file.derive where lookUp(key) == nil {
      let values = expression.names.sorted().compactMap { name in
        lookUp(name).map { "\(name) = \($0.text())" }
      }
      let ofTheUsers = expression.names.sorted().filter { given[$0] != nil }
      throw Failure(
        "'\(key)' (\(expression.text)) is not an integer"
          + (values.isEmpty ? "" : ": " + values.joined(separator: ", ")),
        hint: ofTheUsers.isEmpty ? nil : "correct " + ofTheUsers.joined(separator: ", "))
    }
    var all = stated.merging(settled) { _, tensors in tensors }
    for (key, value) in all where given[key] == nil { all[key] = file.fixed(key, value, lookUp) }
    return .object(
      [JSON.Member(key: "architecture", value: .string(file.architecture))]
        + all.sorted { $0.key < $1.key }.map { JSON.Member(key: $0.key, value: $0.value) })
  }
}
