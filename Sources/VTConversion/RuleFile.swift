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

  /// What a configuration key is where a tensor is there, or is not.
  struct Presence: Sendable {
    let key: String
    /// Native name whose source's presence decides.
    let native: String
    /// Value where it is present; nil leaves it to the tensors' axes, or to the key's next line.
    let then: JSON?
    /// Value where it is not; nil leaves it to the key's next line.
    let otherwise: JSON?
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
  let configuration: [(key: String, value: JSON)]
  /// Keys of `configuration` that a network has only where an expression is true; otherwise the other value, or nil for
  /// no such key.
  let conditions: [String: (when: Expression, otherwise: JSON?)]
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
  let rules: [Rule]
  let resample: [Resample]
  /// The native weight that reads the image: the first of these that the network has.
  let inputLayer: [String]
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
      guard var node = try YAMLReader.tree(text) else { throw Failure("the file is empty") }
      if let base, let whole = try YAMLReader.tree(base)?.mapping {
        for (key, value) in whole where node.mapping?[key] == nil { node.mapping?[key] = value }
      }
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
      var conditions: [String: (when: Expression, otherwise: JSON?)] = [:]
      configuration = try reader.mapping("configuration").map { key, value in
        guard value.isMapping else { return (key, try value.json()) }
        var value = value
        conditions[key] = (try Expression(value.string("when")), try value.optional("else")?.json())
        guard let usual = try value.optional("value") else { throw value.fail("'value' is missing") }
        try value.finish()
        return (key, try usual.json())
      }
      self.conditions = conditions
      irrelevantWhen = Dictionary(
        uniqueKeysWithValues: try reader.mapping("irrelevant_when").map { ($0, try Expression($1.text())) })
      presence = try reader.mapping("presence").flatMap { key, value in
        guard let items = value.items else { return [try Presence(key, value, isAlone: true)] }
        return try items.map { try Presence(key, $0, isAlone: false) }
      }
      axes = Dictionary(
        uniqueKeysWithValues: try reader.mapping("axes").map { ($0, try Expression($1.text())) })
      counters = try reader.mapping("counts").map { name, value in
        try value.located { try Counter(name, value.text()) }
      }
      derive = try reader.mapping("derive").map { ($0, try Expression($1.text())) }
      assume = try reader.mapping("assume").flatMap { key, value in
        try value.items?.map { try Assumption(key, $0) } ?? [Assumption(key, value)]
      }
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
      let variables = self.variants[0].variables
      rules = try reader.list("tensors").map { value in
        var value = value
        let sources = try value.strings("source")
        let axes = try value.string("axes")
        let rule = Rule(
          line: value.line, native: try value.string("native"), sources: sources,
          axesText: axes,
          axes: try value.located { try AxisPattern(axes, variables: variables) },
          when: try value.optional("when").map { try Expression($0.text()) },
          isOptional: try value.optional("optional")?.text() == "true")
        try value.finish()
        return rule
      }
      resample = try reader.list("resample").map { value in
        var value = value
        let method = try value.string("method")
        guard let known = ResamplingMethod(rawValue: method) else {
          throw value.fail("the method '\(method)' is unknown")
        }
        let prefix = try value.optional("prefix")?.text() ?? "0"
        let result = Resample(
          native: try value.string("native"), method: known, prefix: try Expression(prefix))
        try value.finish()
        return result
      }
      preprocessing = try reader.list("preprocessing").map { try PreprocessingRule($0) }
      inputLayer = try reader.strings("input_layer")
      unsupported = try reader.reasons("unsupported", of: "when").map {
        (try Expression($0.pattern), $0.reason)
      }
      dropped = try reader.reasons("dropped", of: "native")
      computed = try reader.list("computed").map { value in
        var value = value
        let kind = try value.string("kind")
        guard let known = ComputedTensor.Kind(rawValue: kind) else {
          throw value.fail("nothing of the kind '\(kind)' is computed")
        }
        let result = ComputedTensor(
          source: try value.string("source"), native: try value.string("of"), kind: known,
          isForFolders: try value.optional("folders")?.text() == "true")
        try value.finish()
        return result
      }
      ignore = try reader.list("ignore").map { value in
        var value = value
        let result = (
          try value.string("pattern"), try value.optional("beside")?.text(), try value.string("reason")
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
    var result: [String: JSON] = [:]
    for item in presence where result[item.key] == nil {
      if let value = isThere(item.native) ? item.then : item.otherwise { result[item.key] = value }
    }
    return result
  }

  /// Checks what can be checked without a checkpoint.
  private func validate() throws {
    for rule in rules {
      for name in rule.axes.source.flatMap(\.names) where axes[name] == nil && !derivable(name) {
        throw Failure("line \(rule.line): the axis '\(name)' is not explained under 'axes' or 'derive'")
      }
      guard !rule.sources.isEmpty else {
        throw Failure("line \(rule.line): the rule has no 'source', the name in the file")
      }
      guard rule.sources.count == 1 || !rule.axes.native.isEmpty else {
        throw Failure("line \(rule.line): several sources need an axis to be joined along")
      }
    }
    for variant in variants { _ = try CompiledRules(self, variant: variant.name) }
    for item in presence where !rules.contains(where: { $0.native == item.native }) {
      throw Failure("presence of '\(item.key)' names no tensor of this file: \(item.native)")
    }
    if !preprocessing.isEmpty {
      let always = Set(preprocessing.filter { $0.when == nil }.flatMap { $0.values.map(\.key) })
      for key in ["interpolation", "crop", "mean", "std"] where !always.contains(key) {
        throw Failure("preprocessing: no entry without 'when' gives '\(key)'")
      }
    }
  }

  /// Whether a derived key is computed from an axis, so that the axis needs no key of its own.
  private func derivable(_ axis: String) -> Bool {
    derive.contains { $0.expression.text.contains(axis) }
  }
}

extension RuleFile {
  /// What a key that the dialect fixes is in a network of these other keys, or nil where such a network has none.
  func fixed(_ key: String, _ value: JSON, _ lookUp: (String) -> JSON?) -> JSON? {
    guard let condition = conditions[key], !condition.when.isTrue(lookUp) else { return value }
    return condition.otherwise
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

extension RuleFile.Presence {
  /// - Parameter isAlone: whether the key has this line only. `then` and `else` are then yes and no unless given;
  ///   a key that is a size where the tensor is there is left to the tensors' axes.
  fileprivate init(_ key: String, _ reader: YAMLReader, isAlone: Bool) throws {
    var reader = reader
    let then = try reader.optional("then")?.json()
    let otherwise = try reader.optional("else")?.json() ?? (isAlone ? .bool(false) : nil)
    let isFlag = isAlone && otherwise?.bool != nil
    self.init(
      key: key, native: try reader.string("of"), then: then ?? (isFlag ? .bool(true) : nil),
      otherwise: otherwise)
    try reader.finish()
  }
}
