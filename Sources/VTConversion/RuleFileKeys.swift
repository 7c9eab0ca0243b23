import VTCheckpoint
import VTCore
import Yams

/// A key under `configuration`: a value, or a list of `{when, value}` of which the first that holds counts.
struct StatedKey {
  let name: String
  /// Cases that depend on other keys, or on nothing.
  let fixed: [(when: Expression?, value: JSON)]
  /// Cases that depend on tensors.
  let presence: [RuleFile.Presence]

  init(_ name: String, _ reader: YAMLReader, _ schema: ArchitectureSchema?) throws {
    self.name = name
    if let schema, schema.key(name) == nil {
      let close = name.closest(in: schema.keys.map(\.name))
      throw Failure(
        "line \(reader.line): a \(schema.architecture) has no configuration key '\(name.printable)'",
        hint: close.isEmpty ? nil : "did you mean '\(close[0])'?")
    }
    var cases: [(when: Expression?, value: JSON)] = []
    if let items = reader.items, items.contains(where: \.isMapping) {
      cases = try items.map(Self.item)
    } else {
      cases = [reader.isMapping ? try Self.item(reader) : (nil, try reader.json())]
    }
    guard cases.contains(where: { $0.when?.tensors.isEmpty == false }) else {
      (fixed, presence) = (cases, [])
      return
    }
    guard cases.allSatisfy({ $0.when?.names.isEmpty != false }) else {
      throw reader.fail("a key that depends on tensors cannot depend on other keys too")
    }
    (fixed, presence) = ([], cases.map { RuleFile.Presence(key: name, when: $0.when, value: $0.value) })
  }

  private static func item(_ reader: YAMLReader) throws -> (when: Expression?, value: JSON) {
    var reader = reader
    let when = try reader.optional("when").map { value in
      try value.located { try Expression(asking: value.text()) }
    }
    guard let value = try reader.optional("value") else { throw reader.fail("'value' is missing") }
    try reader.finish()
    return (when, try value.json())
  }
}

/// Keys whose value is the same in all networks of a dialect.
struct FixedKeys {
  private let values: [String: JSON]
  /// Names that are aliases for others.
  private let open: Set<String>

  init(_ fixed: [(key: String, value: JSON)], others: [String]) {
    values = Dictionary(fixed.map { ($0.key, $0.value) }) { first, _ in first }
    open = Set(others).subtracting(values.keys)
  }

  /// Whether an expression is true in all of them (true) or in none (false); nil if it depends.
  func truth(_ expression: Expression) -> Bool? {
    var depends = false
    let isTrue = expression.isTrue { name in
      if open.contains(name) { depends = true }
      return values[name]
    }
    return depends ? nil : isTrue
  }
}

/// A rule file's `tensors` in either form: layers by native name, or a list of tensors.
struct RuleLines {
  private let layers: RuleTensors?
  private let listed: [RuleFile.Rule]
  /// Names of axes in the lines.
  let axisNames: Set<String>

  init(
    _ reader: inout YAMLReader, prefixes: [(String, String)], variables: [String: String],
    schema: ArchitectureSchema?
  ) throws {
    let conventions = try reader.mapping("layers")
    guard let value = try reader.optional("tensors"), value.isMapping else {
      listed = try reader.list("tensors").map { try RuleFile.Rule($0, variables: variables) }
      axisNames = Set(listed.flatMap { $0.axes.source.flatMap { $0.names + [$0.whole].compactMap(\.self) } })
      layers = nil
      return
    }
    guard let schema else {
      throw value.fail("VTKit does not know the architecture: 'tensors' must be a list")
    }
    let tensors = try RuleTensors(
      try reader.mapping("tensors").map { (key: $0, value: $1) }, layers: conventions, prefixes: prefixes,
      variables: variables, schema: schema)
    axisNames = tensors.axisNames
    layers = tensors
    listed = []
  }

  /// Whether a placeholder of a native name counts.
  func counts(_ counter: String) -> Bool {
    layers?.counts(counter)
      ?? listed.contains { $0.native.contains("{\(counter)}") || $0.native.contains("{\(counter)+") }
  }

  /// Text from the file with its own placeholders filled in.
  func filled(_ text: String) -> String { layers?.filled(text) ?? text }

  func expanded(known: FixedKeys) throws -> RuleTensors.Result {
    try layers?.rules(known.truth) ?? RuleTensors.Result(rules: listed)
  }
}

extension RuleFile.Rule {
  fileprivate init(_ reader: YAMLReader, variables: [String: String]) throws {
    var reader = reader
    let sources = try reader.strings("source")
    let axes = try reader.string("axes")
    self.init(
      line: reader.line, native: try reader.string("native"), sources: sources, axesText: axes,
      axes: try reader.located { try AxisPattern(axes, variables: variables) },
      when: try reader.optional("when").map { try Expression($0.text()) },
      isOptional: try reader.optional("optional")?.text() == "true")
    try reader.finish()
  }
}

extension RuleFile.Resample {
  init(_ reader: YAMLReader) throws {
    var reader = reader
    let method = try reader.string("method")
    guard let known = ResamplingMethod(rawValue: method) else {
      throw reader.fail("the method '\(method)' is unknown")
    }
    let prefix = try reader.optional("prefix")?.text() ?? "0"
    self.init(native: try reader.string("native"), method: known, prefix: try Expression(prefix))
    try reader.finish()
  }
}

extension RuleFile.Assumption {
  fileprivate init(_ key: String, _ reader: YAMLReader) throws {
    var reader = reader
    guard reader.isMapping else {
      self.init(
        key: key, expression: try Expression(reader.text()), when: nil, beside: nil,
        reason: "this is what published files have")
      return
    }
    self.init(
      key: key, expression: try Expression(reader.string("value")),
      when: try reader.optional("when").map { try Expression($0.text()) },
      beside: try reader.optional("beside")?.text(), reason: try reader.optional("because")?.text())
    try reader.finish()
  }
}

extension YAMLReader {
  /// A document completed with keys of another one that it lacks; nil for an empty one.
  static func tree(_ text: String, extending base: String?) throws -> Node? {
    guard var node = try tree(text) else { return nil }
    guard let base, let whole = try tree(base)?.mapping else { return node }
    for (key, value) in whole where node.mapping?[key] == nil { node.mapping?[key] = value }
    // `folder` is merged key by key: a library describes networks alike, whatever file their tensors are in.
    func folder(_ mapping: Node.Mapping?) -> (key: Node, value: Node)? {
      mapping?.first { $0.key.string == "folder" }.map { ($0.key, $0.value) }
    }
    if let theirs = folder(whole), var own = folder(node.mapping) {
      for (key, value) in theirs.value.mapping ?? [:] where own.value.mapping?[key] == nil {
        own.value.mapping?[key] = value
      }
      node.mapping?[own.key] = own.value
    }
    return node
  }

  /// Expressions by name.
  mutating func expressions(_ key: String) throws -> [String: Expression] {
    Dictionary(uniqueKeysWithValues: try mapping(key).map { ($0, try Expression($1.text())) })
  }

  mutating func counters() throws -> [Counter] {
    try mapping("counts").map { name, value in try value.located { try Counter(name, value.text()) } }
  }

  mutating func assumptions() throws -> [RuleFile.Assumption] {
    try mapping("assume").flatMap { key, value in
      try value.items?.map { try .init(key, $0) } ?? [.init(key, value)]
    }
  }
}

extension Expression {
  /// Keys that an axis with this definition settles.
  var settledKeys: [String] { [singleName, singleElement?.list].compactMap(\.self) }
}

extension Counter.Limit {
  /// The key that limits a counter.
  var key: String {
    switch self {
    case .value(let key), .listCount(let key), .element(let key, _): key
    }
  }
}
