import Synchronization
import VTCheckpoint
import VTConverters
import VTCore

/// What all dialects of an architecture share (`converters/vit/schema.yaml`): the keys of its configuration
/// and its native tensors.
package struct ArchitectureSchema: Sendable {
  /// A key of the configuration.
  package struct Key: Sendable {
    package let name: String
    /// A description of valid values ("positive integer").
    package let kind: String
    /// Describes the default; nil if the key is required.
    package let usual: String?
    package let meaning: String
    /// The value in dialects that do not mention the key; nil if they must.
    let value: JSON?
    /// The condition under which networks have the key.
    let when: Expression?
    /// The tensor that can show the key's value; nil if none does.
    let shown: Shown?
    /// If true, the value has no effect.
    let irrelevantWhen: Expression?
  }

  /// The key's value with and without the tensor; nil leaves it to the tensors' axes.
  struct Shown: Sendable {
    let tensor: String
    let present: JSON?
    let absent: JSON?
  }

  let architecture: String
  package let keys: [Key]
  let axes: [String: Expression]
  let counters: [Counter]
  let derive: [(key: String, expression: Expression)]
  let assume: [RuleFile.Assumption]
  /// The native layers and tensors, in the order of the reference code.
  let layers: [NativeLayer]
  let resample: [RuleFile.Resample]
  /// The native weight of the first layer: the first of these that the network has.
  let inputLayer: [String]

  private static let cache = Mutex<[String: ArchitectureSchema]>([:])

  /// The schema of an architecture; nil if there is none.
  /// - Throws: `Failure` naming file and line.
  package static func named(_ architecture: String) throws -> ArchitectureSchema? {
    if let known = cache.withLock({ $0[architecture] }) { return known }
    guard let text = EmbeddedConverters.schema(of: architecture) else { return nil }
    let schema = try ArchitectureSchema(architecture, text)
    cache.withLock { $0[architecture] = schema }
    return schema
  }

  private init(_ architecture: String, _ text: String) throws {
    self.architecture = architecture
    do {
      guard let node = try YAMLReader.tree(text) else { throw Failure("the file is empty") }
      var reader = YAMLReader(node: node, path: "")
      guard try reader.string("architecture") == architecture else {
        throw reader.fail("'architecture' is not \(architecture)")
      }
      keys = try reader.mapping("keys").map { try Key($0, $1) }
      axes = try reader.expressions("axes")
      counters = try reader.counters()
      derive = try reader.mapping("derive").map { ($0, try Expression($1.text())) }
      assume = try reader.assumptions()
      var parsed = NativeLayer.Parsed()
      layers = try reader.list("tensors").map { try NativeLayer($0, &parsed) }
      resample = try reader.list("resample").map { try RuleFile.Resample($0) }
      inputLayer = try reader.strings("input_layer")
      try reader.finish()
    } catch let failure as Failure {
      throw failure.located(file: architecture + "/schema.yaml")
    }
  }

  func key(_ name: String) -> Key? { keys.first { $0.name == name } }
}

extension ArchitectureSchema.Key {
  private static let kinds = [
    "size": "positive integer", "count": "0 or a positive integer", "number": "number",
    "epsilon": "number above 0", "flag": "true or false", "sizes": "list of integers",
    "numbers": "list of numbers", "flags": "list of true and false",
    "size or null": "positive integer, or null", "number or null": "number, or null",
    "sizes or null": "list of integers, or null",
  ]

  fileprivate init(_ name: String, _ reader: YAMLReader) throws {
    var reader = reader
    self.name = name
    let choices = try reader.strings("one_of")
    let type = try reader.optional("type")?.text()
    if let type {
      guard let kind = Self.kinds[type] else { throw reader.fail("the type '\(type)' is unknown") }
      self.kind = kind
    } else {
      kind = "one of " + choices.map { "'\($0)'" }.joined(separator: ", ")
    }
    value = try reader.optional("default")?.json()
    usual = try reader.optional("computed_default")?.text() ?? value.map { $0.string ?? $0.text() }
    meaning = try reader.string("about")
    when = try reader.optional("when").map { try Expression($0.text()) }
    irrelevantWhen = try reader.optional("irrelevant_when").map { try Expression($0.text()) }
    shown = try reader.optional("shown").map { try Self.shown(type, $0) }
    try reader.finish()
  }

  /// A bare tensor name sets a flag to true or false, and any other key to 0 or null if the tensor is absent.
  private static func shown(_ type: String?, _ reader: YAMLReader) throws -> ArchitectureSchema.Shown {
    if reader.isScalar {
      let tensor = try reader.text()
      switch type {
      case "flag": return .init(tensor: tensor, present: .bool(true), absent: .bool(false))
      case "count": return .init(tensor: tensor, present: nil, absent: .int(0))
      default: return .init(tensor: tensor, present: nil, absent: .null)
      }
    }
    var reader = reader
    let shown = ArchitectureSchema.Shown(
      tensor: try reader.string("by"), present: try reader.optional("present")?.json(),
      absent: try reader.optional("absent")?.json())
    try reader.finish()
    return shown
  }

  /// The same for conditions on tensors.
  func presence() throws -> [RuleFile.Presence] {
    guard let shown else { return [] }
    let has = "has('\(shown.tensor)')"
    return try [(has, shown.present), ("not(\(has))", shown.absent)].compactMap { when, value in
      try value.map { RuleFile.Presence(key: name, when: try Expression(asking: when), value: $0) }
    }
  }
}
