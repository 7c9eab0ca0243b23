import Foundation
import VTCheckpoint
import VTCore
import Yams

/// One converter: how a dialect's tensors and an architecture's native ones correspond. The same file
/// serves import (read forwards) and export (read backwards).
package struct RuleFile: Sendable {
  /// One line of `tensors`.
  struct Rule: Sendable {
    let line: Int
    let native: String
    /// Source names; several are joined along the native tensor's first axis.
    let sources: [String]
    /// As the file has it, perhaps with a variant's placeholders.
    let axesText: String
    var axes: AxisPattern
    /// The rule holds where this is true.
    let when: Expression?
    /// Whether files and networks may lack the tensor.
    let isOptional: Bool
  }

  /// What a configuration key is where tensors are there, or are not. Of a key's several, the first that holds counts;
  /// where none does, the key is left to the tensors' axes.
  struct Presence: Sendable {
    let key: String
    /// With `has('native name')`; nil holds always.
    let when: Expression?
    let value: JSON
  }

  /// A key that no tensor shows, and what published files have.
  struct Assumption: Sendable {
    let key: String
    let expression: Expression
    /// Which networks it holds for; nil for all.
    let when: Expression?
    /// A tensor of the file, by its own name, that must be there; nil for none.
    let beside: String?
    /// Why, for the user; nil where nothing is in doubt.
    let reason: String?
  }

  /// How a native table follows when the image's or the window's size changes.
  struct Resample: Sendable {
    let native: String
    let method: ResamplingMethod
    /// Rows in front of the grid's cells, which stay.
    let prefix: Expression
  }

  /// A file that is not read, and why.
  struct Refusal: Sendable {
    let when: Expression
    let reason: MessageTemplate
    let hint: String?
  }

  struct Keras: Sendable {
    /// Layer names; a tensor belongs to the one its name begins with.
    let layers: [String]
    let emptyGroups: [String]
    let attributes: [String: String]
    /// Keras 3: patterns of layers' own names, and the classes by which the file numbers them.
    let classes: [(pattern: String, name: String)]
  }

  package let fileName: String
  package let architecture: String
  package let dialect: String
  /// Another name by which files of this dialect may be called when they are read.
  let alias: String?
  package let description: String
  /// The library whose files these are.
  package let library: String
  /// The file format that the library usually writes: dialects of a file's own format are tried before the others.
  package let format: FileFormat
  /// Every format that the library reads such tensors from, `format` among them.
  package let formats: [FileFormat]
  /// The dialect whose file this one extends, if it does.
  let base: String?
  let detect: [String]
  /// Texts for placeholders, and which networks take them when they are written; nil for all.
  let variants: [(name: String, variables: [String: String], when: Expression?)]
  /// Default texts of a wildcard, by variant.
  let wildcards: [String: [String: String]]
  /// Keys that the dialect fixes: its own, and all that it does not mention at their defaults.
  let configuration: [(key: String, value: JSON)]
  /// Keys of `configuration` whose value depends on the network: the first whose expression is true counts; where none
  /// is, a network has no such key.
  let cases: [String: [(when: Expression?, value: JSON)]]
  /// Where true, a key's value makes no difference.
  let irrelevantWhen: [String: Expression]
  /// Networks that the library does not have, although the rules could name their tensors.
  let unsupported: [(when: Expression, reason: String)]
  let presence: [Presence]
  let axes: [String: Expression]
  let counters: [Counter]
  let derive: [(key: String, expression: Expression)]
  let assume: [Assumption]
  /// Keys that no tensor shows, and that published networks of the same sizes have (`networks/published.yaml`).
  let published: [String]
  /// Files that could mean several networks, or none that there is, are refused where this is true.
  let refuse: [Refusal]
  /// Sizes of published networks: another that a square root gives is told to the user.
  let knownSizes: [(key: String, sizes: [Int])]
  /// The library's JSON files beside the weights.
  let folder: FolderRules?
  let keras: Keras?
  /// How the dialect names the drloc head, `{scale}` standing for the scale's number; nil where it has none.
  let drloc: String?
  /// What stands before a block's number in names, where files may hold one tensor for all blocks.
  let scanAxis: String?
  /// What stands before a chunk's number and a block's, where files may name both.
  let chunked: String?
  /// In the file's order.
  let rules: [Rule]
  /// What all dialects of the architecture share; nil where VTKit does not know the architecture.
  let schema: ArchitectureSchema?
  /// Lines whose layer no network of the dialect has.
  let impossible: [(line: Int, name: String)]
  /// Tensors that are no part of the network; where `beside` is given, only in files that have such a tensor too.
  let ignore: [(pattern: String, beside: String?, reason: String)]
  /// Native tensors for which the dialect has no place and whose loss changes no result.
  let dropped: [(pattern: String, reason: String)]
  /// Tensors that follow from others: left out on import, computed on export.
  let computed: [ComputedTensor]
  /// What the library does with images, by conditions on the network.
  let preprocessing: [PreprocessingRule]
  /// Whether the file is one of VTKit's own.
  let isBuiltIn: Bool
  /// The text of the Python template beside a file of the user's own.
  private(set) var pythonText: String?

  /// - Parameters:
  ///   - base: text of the file that this one extends: its keys hold where this file does not give them.
  ///   - validating: whether to check that the rules make sense together; the built-in files are checked by the
  ///     project's tests instead.
  ///   - isBuiltIn: whether the file is one of VTKit's own.
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
      // What the file says itself comes before what the schema says of the same key.
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
            throw value.fail("nothing of the kind '\(kind)' is computed")
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

  /// Reads and checks a rule file of the user's own. `extends` may name a built-in dialect of its architecture.
  /// - Throws: `Failure` naming file and line.
  package init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure.system("reading", file: path, code: ENOENT)
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw Failure("a rule file is UTF-8 text", file: path)
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

  /// The counter that an axis depends on (`D: embed_dim * 2 ** stage`), if it does.
  func counter(ofAxis axis: String) -> String? {
    guard let names = axes[axis]?.names else { return nil }
    return counters.first { names.contains($0.name) }?.name
  }

  /// Keys that depend on whether tensors are there.
  /// - Parameter isThere: whether a tensor of the native name, as `tensors` spells it, is.
  func presenceValues(_ isThere: (String) -> Bool) -> [String: JSON] {
    func lookUp(_ name: String) -> JSON? { Expression.tensor(asked: name).map { .bool(isThere($0)) } }
    var result: [String: JSON] = [:]
    for item in presence where result[item.key] == nil && item.when?.isTrue(lookUp) != false {
      result[item.key] = item.value
    }
    return result
  }

  /// What keys are that a network's configuration leaves out.
  var usualValues: [String: JSON] {
    Dictionary(
      (schema?.keys ?? []).compactMap { key in key.when == nil ? key.value.map { (key.name, $0) } : nil }
    ) { first, _ in first }
  }
}

extension RuleFile {
  /// What a key that the dialect fixes is in a network of these other keys, or nil where such a network has none.
  func fixed(_ key: String, _ value: JSON, _ lookUp: (String) -> JSON?) -> JSON? {
    guard let cases = cases[key] else { return value }
    return cases.first { $0.when?.isTrue(lookUp) ?? true }?.value
  }
}
