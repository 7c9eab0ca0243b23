import Foundation
import VTCheckpoint
import VTCore
import Yams

/// One converter: how a dialect's tensors correspond to an architecture's native ones. The same file serves
/// import (read forwards) and export (read backwards).
package struct RuleFile: Sendable {
  /// One line of `tensors`.
  struct Rule: Sendable {
    let line: Int
    let native: String
    /// Source names; several are concatenated along the native tensor's first axis.
    let sources: [String]
    /// As in the file, perhaps with a variant's placeholders.
    let axesText: String
    var axes: AxisPattern
    /// The condition under which the rule applies.
    let when: Expression?
    /// Whether files and networks may lack the tensor.
    let isOptional: Bool
  }

  /// A configuration key's value, depending on whether tensors are present. Of several cases for a key, the
  /// first that holds counts; if none does, the tensors' axes settle the key.
  struct Presence: Sendable {
    let key: String
    /// May use `has('native name')`; nil always holds.
    let when: Expression?
    let value: JSON
  }

  /// A key that no tensor shows, and its value in published files.
  struct Assumption: Sendable {
    let key: String
    let expression: Expression
    /// The networks it applies to; nil for all.
    let when: Expression?
    /// A tensor of the file, by its own name, that must be present; nil for none.
    let beside: String?
    /// The reason shown to the user; nil if nothing is in doubt.
    let reason: String?
  }

  /// How a native table changes with the image or window size.
  struct Resample: Sendable {
    let native: String
    let method: ResamplingMethod
    /// Rows before the grid's cells, which stay unchanged.
    let prefix: Expression
  }

  /// Checkpoints that are refused, and why.
  struct Refusal: Sendable {
    let when: Expression
    let reason: MessageTemplate
    let hint: String?
  }

  struct Keras: Sendable {
    /// Layer names; a tensor belongs to the layer whose name it begins with.
    let layers: [String]
    let emptyGroups: [String]
    let attributes: [String: String]
    /// Keras 3: patterns of layers' own names, and the classes by which the file numbers them.
    let classes: [(pattern: String, name: String)]
  }

  package let fileName: String
  package let architecture: String
  package let dialect: String
  /// Another name for files of this dialect, accepted for reading.
  let alias: String?
  package let description: String
  /// The library that these files belong to.
  package let library: String
  /// The format that the library usually writes: dialects of a file's own format are tried first.
  package let format: FileFormat
  /// Every format from which the library reads such tensors, including `format`.
  package let formats: [FileFormat]
  /// The dialect whose file this one extends, if any.
  let base: String?
  let detect: [String]
  /// Values of placeholders, and the condition under which export uses them; nil for all networks.
  let variants: [(name: String, variables: [String: String], when: Expression?)]
  /// Default values of a wildcard, by variant.
  let wildcards: [String: [String: String]]
  /// Keys that the dialect fixes: its own, and the defaults of all that it does not mention.
  let configuration: [(key: String, value: JSON)]
  /// Keys of `configuration` whose value depends on the network: the first whose expression is true counts;
  /// if none is, the network has no such key.
  let cases: [String: [(when: Expression?, value: JSON)]]
  /// If the expression is true, the key's value has no effect.
  let irrelevantWhen: [String: Expression]
  /// Networks that the library does not support, although the rules could name their tensors.
  let unsupported: [(when: Expression, reason: String)]
  let presence: [Presence]
  let axes: [String: Expression]
  let counters: [Counter]
  let derive: [(key: String, expression: Expression)]
  let assume: [Assumption]
  /// Keys that no tensor shows and that published networks of the same sizes have
  /// (`networks/published.yaml`).
  let published: [String]
  /// Checkpoints that could be of several networks, or of one that does not exist, are refused.
  let refuse: [Refusal]
  /// Sizes of published networks; the user is told if a square root gives another one.
  let knownSizes: [(key: String, sizes: [Int])]
  /// The library's JSON files beside the weights.
  let folder: FolderRules?
  let keras: Keras?
  /// How the dialect names the drloc head, with `{scale}` for the scale's number; nil if it has none.
  let drloc: String?
  /// The part of a name before a block's number, in dialects whose files may hold one tensor for all blocks.
  let scanAxis: String?
  /// The part of a name before a chunk's and a block's number, in dialects whose files may name both.
  let chunked: String?
  /// In the file's order.
  let rules: [Rule]
  /// What all dialects of the architecture share; nil if VTKit does not know the architecture.
  let schema: ArchitectureSchema?
  /// Lines whose layer none of the dialect's networks has.
  let impossible: [(line: Int, name: String)]
  /// Tensors that are not part of the network; with `beside`, only in files that also have that tensor.
  let ignore: [(pattern: String, beside: String?, reason: String)]
  /// Native tensors that the dialect cannot hold and whose loss changes no result.
  let dropped: [(pattern: String, reason: String)]
  /// Tensors that are computed from others: dropped on import, computed on export.
  let computed: [ComputedTensor]
  /// How the library prepares images, by conditions on the network.
  let preprocessing: [PreprocessingRule]
  /// Whether the file is built in.
  let isBuiltIn: Bool
  /// The text of the Python template beside a user's own file.
  private(set) var pythonText: String?

  /// - Parameters:
  ///   - base: text of the file that this one extends: its keys apply if this file does not give them.
  ///   - validating: whether to check that the rules are consistent; the project's tests check the built-in
  ///     files.
  ///   - isBuiltIn: whether the file is built in.
  /// - Throws: `Failure` naming file and line.
  package init(
    fileName: String, text: String, base: String? = nil, validating: Bool = true, isBuiltIn: Bool = false
  ) throws {
    self.fileName = fileName
    self.isBuiltIn = isBuiltIn
    var reader: YAMLReader
    do {
      guard let node = try YAMLReader.tree(text, extending: base) else { throw Failure("the file is empty") }
      reader = YAMLReader(node: node, path: "")
      self.base = try reader.optional("extends")?.text()
      architecture = try reader.string("architecture")
      dialect = try reader.string("dialect")
      alias = try reader.optional("alias")?.text()
      description = try reader.string("description")
      library = try reader.string("library")
      func known(_ format: String) throws -> FileFormat {
        guard let known = FileFormat(rawValue: format) else {
          throw reader.fail("the format '\(format)' is unknown")
        }
        return known
      }
      let format = try known(reader.string("format"))
      let others = try reader.strings("formats").map(known)
      guard others.isEmpty || others.contains(format) else {
        throw reader.fail("'formats' lacks the usual format '\(format.rawValue)'")
      }
      self.format = format
      formats = others.isEmpty ? [format] : others
      detect = try reader.strings("detect")
      let variants: [(String, [String: String], Expression?)] = try reader.mapping("variants").map {
        key, value in
        var variables = Dictionary(uniqueKeysWithValues: try value.textPairs())
        let when = try variables.removeValue(forKey: "when").map { try Expression($0) }
        return (key, variables, when)
      }
      self.variants = variants.isEmpty ? [("", [:], nil)] : variants
      var wildcards: [String: [String: String]] = [:]
      for (key, value) in try reader.mapping("wildcards") {
        wildcards[key] =
          value.isScalar
          ? ["": try value.text()] : Dictionary(uniqueKeysWithValues: try value.textPairs())
      }
      self.wildcards = wildcards
      let schema = try ArchitectureSchema.named(architecture)
      self.schema = schema
      let stated = try reader.mapping("configuration").map { try StatedKey($0, $1, schema) }
      let shown = try reader.strings("shown").map { name in
        guard let key = schema?.key(name), key.shown != nil else {
          throw reader.fail("shown: the schema does not say which tensor shows '\(name)'")
        }
        return key
      }
      presence = try shown.flatMap { try $0.presence() } + stated.flatMap(\.presence)
      var configuration = stated.compactMap { key in key.fixed.first.map { (key: key.name, value: $0.value) }
      }
      var cases = Dictionary(
        uniqueKeysWithValues: stated.filter { $0.fixed.contains { $0.when != nil } }.map {
          ($0.name, $0.fixed)
        })
      let irrelevant = try reader.expressions("irrelevant_when")
      irrelevantWhen = Dictionary(
        (schema?.keys ?? []).compactMap { key in key.irrelevantWhen.map { (key.name, $0) } }
      ) { first, _ in first }.merging(irrelevant) { $1 }
      axes = (schema?.axes ?? [:]).merging(try reader.expressions("axes")) { $1 }
      let ownCounters = try reader.counters()
      let ownDerive = try reader.mapping("derive").map { (key: $0, expression: try Expression($1.text())) }
      let ownAssume = try reader.assumptions()
      published = try reader.strings("published")
      refuse = try reader.list("refuse").map { value in
        var value = value
        let result = try value.located {
          Refusal(
            when: try Expression(value.string("when")), reason: try MessageTemplate(value.string("reason")),
            hint: try value.optional("remedy")?.text())
        }
        try value.finish()
        return result
      }
      knownSizes = try reader.mapping("known_sizes").map {
        ($0, try $1.json().array?.compactMap(\.int) ?? [])
      }
      folder = try reader.optional("folder").map { try FolderRules($0) }
      keras = try reader.optional("keras").map { value in
        var value = value
        let result = Keras(
          layers: try value.strings("layers"), emptyGroups: try value.strings("empty_groups"),
          attributes: Dictionary(
            uniqueKeysWithValues: try value.mapping("attributes").map { ($0, try $1.text()) }),
          classes: try value.mapping("classes").map { ($0, try $1.text()) })
        try value.finish()
        return result
      }
      drloc = try reader.optional("drloc")?.text()
      scanAxis = try reader.optional("scan_axis")?.text()
      chunked = try reader.optional("chunked")?.text()
      let prefixes = try reader.mapping("prefixes").map { ($0, try $1.text()) }
      let lines = try RuleLines(
        &reader, prefixes: prefixes, variables: self.variants[0].variables, schema: schema)
      // The file's own entries override the schema's for the same key.
      let own = Set(stated.map(\.name))
      derive =
        (schema?.derive ?? []).filter { item in
          !own.contains(item.key) && !ownDerive.contains { $0.key == item.key }
        } + ownDerive
      assume =
        ownAssume
        + (schema?.assume ?? []).filter { item in
          !own.contains(item.key) && !ownAssume.contains { $0.key == item.key }
        }
      let inherited = (schema?.counters ?? []).filter { counter in
        lines.counts(counter.name) && !ownCounters.contains { $0.name == counter.name }
      }
      counters = inherited + ownCounters
      // A key that the file does not mention has its default.
      let open = Set(presence.map(\.key) + derive.map(\.key) + assume.map(\.key) + published)
      var mentioned = own.union(open).union(counters.map(\.limit.key))
      for name in lines.axisNames { axes[name].map { mentioned.formUnion($0.settledKeys) } }
      for key in schema?.keys ?? [] {
        if let value = key.value, !mentioned.contains(key.name) { configuration.append((key.name, value)) }
        if let when = key.when, cases[key.name] == nil,
          let value = configuration.first(where: { $0.key == key.name })?.value
        {
          cases[key.name] = [(when, value)]
        }
      }
      (self.configuration, self.cases) = (configuration, cases)
      let expanded = try lines.expanded(
        known: FixedKeys(
          configuration.filter { cases[$0.key] == nil && !open.contains($0.key) },
          others: (schema?.keys ?? []).map(\.name) + counters.map(\.name)))
      rules = expanded.rules
      impossible = expanded.impossible
      preprocessing = try reader.list("preprocessing").map { try PreprocessingRule($0) }
      unsupported = try reader.reasons("unsupported", of: "when").map {
        (try Expression($0.pattern), $0.reason)
      }
      dropped = try reader.reasons("dropped", of: "native") + expanded.dropped
      computed =
        try reader.list("computed").map { value in
          var value = value
          let kind = try value.string("kind")
          guard let known = ComputedTensor.Kind(rawValue: kind) else {
            throw value.fail("unknown kind of computed tensor '\(kind)'")
          }
          let result = ComputedTensor(
            source: lines.filled(try value.string("source")), native: try value.string("of"), kind: known,
            isForFolders: try value.optional("folders")?.text() == "true")
          try value.finish()
          return result
        } + expanded.computed
      ignore = try reader.list("ignore").map { value in
        var value = value
        let result = (
          lines.filled(try value.string("pattern")), try value.optional("beside")?.text(),
          try value.string("reason")
        )
        try value.finish()
        return result
      }
      try reader.finish()
    } catch let failure as Failure {
      throw failure.located(file: fileName)
    } catch {
      throw Failure("not a readable rule file: \(error)", file: fileName)
    }
    guard validating else { return }
    do { try validate() } catch let failure as Failure { throw failure.located(file: fileName) }
  }

  /// Reads and checks a user's own rule file. `extends` may name a built-in dialect of its architecture.
  /// - Throws: `Failure` naming file and line.
  package init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure.system("reading", file: path, code: ENOENT)
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw Failure("the file is not UTF-8 text", file: path)
    }
    try self.init(fileName: path, text: text, base: Dialects.base(of: path, text))
    let template = path.dropLast((path as NSString).pathExtension.count) + "py.txt"
    pythonText = FileManager.default.contents(atPath: String(template)).map {
      String(decoding: $0, as: UTF8.self)
    }
    _ = try pythonSnippets()
  }

  /// Lines of `tensors`.
  package var ruleCount: Int { rules.count }

  func isSameDialect(as other: RuleFile) -> Bool {
    architecture == other.architecture && dialect == other.dialect
  }

  /// The counter that an axis depends on (`D: embed_dim * 2 ** stage`), if any.
  func counter(ofAxis axis: String) -> String? {
    guard let names = axes[axis]?.names else { return nil }
    return counters.first { names.contains($0.name) }?.name
  }

  /// Keys that depend on whether tensors are present.
  /// - Parameter isThere: whether the tensor with this native name, in the spelling of `tensors`, is present.
  func presenceValues(_ isThere: (String) -> Bool) -> [String: JSON] {
    func lookUp(_ name: String) -> JSON? { Expression.tensor(asked: name).map { .bool(isThere($0)) } }
    var result: [String: JSON] = [:]
    for item in presence where result[item.key] == nil && item.when?.isTrue(lookUp) != false {
      result[item.key] = item.value
    }
    return result
  }

  /// The values of keys that a network's configuration omits.
  var usualValues: [String: JSON] {
    Dictionary(
      (schema?.keys ?? []).compactMap { key in key.when == nil ? key.value.map { (key.name, $0) } : nil }
    ) { first, _ in first }
  }
}

extension RuleFile {
  /// The value of a key that the dialect fixes, given the other keys; nil if such a network does not have it.
  func fixed(_ key: String, _ value: JSON, _ lookUp: (String) -> JSON?) -> JSON? {
    guard let cases = cases[key] else { return value }
    return cases.first { $0.when?.isTrue(lookUp) ?? true }?.value
  }
}
