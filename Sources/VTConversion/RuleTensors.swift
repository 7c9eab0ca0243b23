import VTCheckpoint
import VTCore

/// The lines of a rule file's `tensors`: a mapping from native layers and tensors to the dialect's names,
/// expanded to one rule per tensor.
struct RuleTensors {
  /// A file's entry for one native layer or tensor.
  private struct Entry {
    let line: Int
    let layer: NativeLayer
    /// nil for the native name.
    var sources: [String]?
    var axes: (text: String, pattern: AxisPattern)?
    var when: Expression?
    var isOptional = false
    /// Names that replace the dialect's usual ones.
    var suffixes: [NativeLayer.Role: String] = [:]
    /// Whether the file names the layer itself, rather than matching it with `*`.
    var isNamed = true
  }

  private var entries: [Entry] = []
  private let conventions: [NativeLayer.Kind: LayerConvention]
  /// Values of the file's own `{placeholders}`.
  private let prefixes: [String: String]

  /// The value that means an unchanged name.
  private static let same = "same"

  /// - Throws: `Failure` naming the line.
  init(
    _ pairs: [(key: String, value: YAMLReader)], layers: [(String, YAMLReader)], prefixes: [(String, String)],
    variables: [String: String], schema: ArchitectureSchema
  ) throws {
    for (name, _) in prefixes
    where variables[name] != nil || schema.counters.contains(where: { $0.name == name }) {
      throw Failure("prefixes: '{\(name)}' is already defined")
    }
    // A prefix may have one before it.
    self.prefixes = prefixes.reduce(into: [:]) { done, next in done[next.0] = Self.filled(next.1, done) }
    var conventions: [NativeLayer.Kind: LayerConvention] = [:]
    for kind in NativeLayer.Kind.allCases { conventions[kind] = LayerConvention(kind) }
    for (name, value) in layers {
      guard let kind = NativeLayer.Kind(rawValue: name), kind != .tensor else {
        throw value.fail("'\(name.printable)' is unknown: layers are linear, conv, norm or batch_norm")
      }
      conventions[kind] = try LayerConvention(kind, value)
    }
    self.conventions = conventions
    var places: [String: Int] = [:]
    for (key, value) in pairs {
      if key.contains("*") {
        guard value.isScalar, try value.text() == Self.same else {
          throw value.fail("names with * must be '\(Self.same)'")
        }
        let parts = key.split(separator: "*", omittingEmptySubsequences: false)
        for layer in schema.layers where places[layer.name] == nil && Self.matches(layer.name, parts) {
          places[layer.name] = entries.count
          entries.append(Entry(line: value.line, layer: layer, isNamed: false))
        }
        guard schema.layers.contains(where: { Self.matches($0.name, parts) }) else {
          throw value.fail("a \(schema.architecture) has no layer or tensor '\(key.printable)'")
        }
        continue
      }
      guard let layer = schema.layers.first(where: { $0.name == key }) else {
        let close = key.closest(in: schema.layers.map(\.name))
        throw Failure(
          "line \(value.line): a \(schema.architecture) has no layer or tensor '\(key.printable)'",
          hint: close.isEmpty ? nil : "did you mean '\(close[0])'?")
      }
      let entry = try Self.entry(layer, value, variables)
      // A layer already listed by a pattern keeps its place.
      if let place = places[key] {
        entries[place] = entry
      } else {
        places[key] = entries.count
        entries.append(entry)
      }
    }
  }

  private static func matches(_ name: String, _ parts: [Substring]) -> Bool {
    guard parts.count == 2 else { return false }
    return name.hasPrefix(parts[0]) && name.hasSuffix(parts[1])
      && name.utf8.count >= parts[0].utf8.count + parts[1].utf8.count
  }

  private static func entry(_ layer: NativeLayer, _ reader: YAMLReader, _ variables: [String: String]) throws
    -> Entry
  {
    var entry = Entry(line: reader.line, layer: layer)
    if reader.isScalar {
      let text = try reader.text()
      if text != same { entry.sources = alternatives(text) }
      return entry
    }
    var reader = reader
    let sources = try reader.strings("source")
    if !sources.isEmpty { entry.sources = sources.flatMap(alternatives) }
    entry.axes = try reader.optional("axes").map { value in
      try value.located { (try value.text(), try AxisPattern(value.text(), variables: variables)) }
    }
    entry.when = try reader.optional("when").map { value in try value.located { try Expression(value.text()) }
    }
    entry.isOptional = try reader.optional("optional")?.text() == "true"
    if layer.kind != .tensor {
      for role in layer.kind.roles { entry.suffixes[role] = try reader.optional(role.rawValue)?.text() }
    }
    try reader.finish()
    return entry
  }

  /// `{query,key,value}` expanded.
  private static func alternatives(_ text: String) -> [String] {
    guard text.utf8.contains(UInt8(ascii: ",")) else { return [text] }
    var from = text.startIndex
    while let open = text[from...].firstIndex(of: "{"), let close = text[open...].firstIndex(of: "}") {
      let inner = text[text.index(after: open)..<close]
      if inner.contains(",") {
        return inner.split(separator: ",").map {
          String(text[..<open] + $0 + text[text.index(after: close)...])
        }
      }
      from = close
    }
    return [text]
  }

  /// Text from the file with its own placeholders filled in.
  func filled(_ text: String) -> String { Self.filled(text, prefixes) }

  private static func filled(_ text: String, _ prefixes: [String: String]) -> String {
    guard !prefixes.isEmpty, text.utf8.contains(UInt8(ascii: "{")) else { return text }
    return String(decoding: NamePattern.filled(text, prefixes), as: UTF8.self)
  }

  // MARK: What the entries use

  /// Names of axes that are in the listed tensors.
  var axisNames: Set<String> {
    var names: Set<String> = []
    for entry in entries {
      let layer = entry.layer
      let usual = (entry.sources?.count ?? 1) > 1 ? layer.parts ?? layer.axes : layer.axes
      for axis in (entry.axes?.pattern ?? usual).source {
        names.formUnion(axis.names + [axis.whole].compactMap(\.self))
      }
    }
    return names
  }

  /// Whether a placeholder of a native name counts.
  func counts(_ counter: String) -> Bool {
    entries.contains { $0.layer.counters.contains(counter) }
  }

  // MARK: Rules

  struct Result {
    var rules: [RuleFile.Rule] = []
    var computed: [ComputedTensor] = []
    /// Native tensors that the dialect cannot hold, and why that does no harm.
    var dropped: [(pattern: String, reason: String)] = []
    /// Lines whose layer none of the dialect's networks has.
    var impossible: [(line: Int, name: String)] = []
  }

  /// - Parameter known: whether an expression is true in all networks of the dialect (true) or in none
  ///   (false); nil if it depends.
  func rules(_ known: (Expression) -> Bool?) throws -> Result {
    var result = Result()
    for entry in entries {
      do { try add(entry, known, to: &result) } catch var failure as Failure {
        if !failure.problem.hasPrefix("line ") { failure.problem = "line \(entry.line): " + failure.problem }
        throw failure
      }
    }
    return result
  }

  private func add(_ entry: Entry, _ known: (Expression) -> Bool?, to result: inout Result) throws {
    let layer = entry.layer
    guard let convention = conventions[layer.kind] else { return }
    var when = entry.when ?? layer.when
    if let condition = when, let isThere = known(condition) {
      guard isThere else {
        if entry.isNamed { result.impossible.append((entry.line, layer.name)) }
        return
      }
      when = nil
    }
    let sources = (entry.sources ?? [layer.name]).map(filled)
    let usual = sources.count > 1 ? layer.parts ?? layer.axes : layer.axes
    let weight = entry.axes?.pattern ?? convention.pattern(usual)
    guard weight.native.count == usual.native.count else {
      throw Failure("'\(weight.text)' does not have the native axes '\(usual.text)'")
    }
    let suffixes = convention.suffixes.merging(entry.suffixes) { $1 }
    func append(_ role: NativeLayer.Role, _ axes: AxisPattern, _ when: Expression?, isOptional: Bool) {
      let suffix = layer.kind == .tensor ? "" : filled(suffixes[role] ?? "")
      let text =
        role == .weight || layer.kind != .linear && layer.kind != .conv
        ? entry.axes?.text ?? axes.text : axes.text
      result.rules.append(
        RuleFile.Rule(
          line: entry.line, native: layer.name(role), sources: sources.map { $0 + suffix },
          axesText: role == .counter ? "" : text, axes: axes, when: when,
          isOptional: isOptional || entry.isOptional))
    }
    append(.weight, weight, when, isOptional: false)
    for role in layer.kind.roles.dropFirst() where suffixes[role] != nil {
      switch role {
      case .bias where layer.kind == .linear || layer.kind == .conv:
        var condition = when
        if let bias = layer.bias {
          let isThere = known(bias)
          if isThere == false { continue }
          if isThere == nil {
            condition = try when.map { try Expression("(\($0.text)) and (\(bias.text))") } ?? bias
          }
        }
        append(.bias, weight.first, condition, isOptional: false)
      case .counter:
        append(.counter, .scalar, when, isOptional: true)
        result.computed += sources.map {
          ComputedTensor(
            source: $0 + (suffixes[.counter] ?? ""), native: layer.name(.mean), kind: .batchCounter)
        }
      default: append(role, weight, when, isOptional: false)
      }
    }
    if layer.kind == .batchNorm, suffixes[.counter] == nil, result.dropped.isEmpty {
      result.dropped.append(
        ("*" + NativeLayer.Role.counter.suffix, "PyTorch's counters of batches, which no result depends on"))
    }
  }
}

extension AxisPattern {
  /// No axes.
  fileprivate static let scalar = AxisPattern(source: [], native: [])

  /// Only the first native axis: a bias beside a weight.
  fileprivate var first: AxisPattern {
    let axis = native.first ?? Axis(names: [], whole: nil)
    let parts = axis.names.map { Axis(names: [$0], whole: nil) }
    return AxisPattern(source: parts, native: [Axis(names: axis.names, whole: nil)])
  }
}
