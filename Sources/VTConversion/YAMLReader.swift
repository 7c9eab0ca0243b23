import VTCheckpoint
import VTCore
import Yams

/// Reads a YAML mapping and records which keys were used; errors name the line.
struct YAMLReader {
  let node: Node
  let path: String
  /// A mapping's keys in order. Iterating a mapping of Yams copies its content, so this is done once.
  private let keys: [String]
  private var used: Set<String> = []

  init(node: Node, path: String) {
    self.node = node
    self.path = path
    keys = node.mapping?.map { $0.key.string ?? "" } ?? []
  }

  /// The document of a file; nil for an empty one. Every value is read as plain text, so that no type is
  /// guessed: guessing takes seven regular expressions per key.
  static func tree(_ text: String) throws -> Node? { try compose(yaml: text, .basic, .default, .utf8) }

  var line: Int { node.mark?.line ?? 0 }
  var isScalar: Bool { node.scalar != nil }
  var isMapping: Bool { node.mapping != nil }

  /// The elements of a list; nil for anything else.
  var items: [YAMLReader]? { node.sequence?.map { YAMLReader(node: $0, path: path) } }

  func fail(_ problem: String) -> Failure { Failure("line \(line): \(path)\(problem)") }

  /// Adds the line to an error that does not have one.
  func located<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch var failure as Failure {
      if !failure.problem.hasPrefix("line ") { failure.problem = "line \(line): " + failure.problem }
      throw failure
    }
  }

  mutating func optional(_ key: String) throws -> YAMLReader? {
    used.insert(key)
    guard let mapping = node.mapping else { throw fail("expected a mapping") }
    return keys.firstIndex(of: key).map {
      YAMLReader(node: mapping[$0].value, path: path + key + ": ")
    }
  }

  func text() throws -> String {
    guard let scalar = node.scalar else { throw fail("expected a single value") }
    return scalar.string
  }

  mutating func string(_ key: String) throws -> String {
    guard let value = try optional(key) else { throw fail("'\(key)' is missing") }
    used.insert(key)
    return try value.text()
  }

  /// One string or a list of strings; empty if the key is missing.
  mutating func strings(_ key: String) throws -> [String] {
    guard let value = try optional(key) else { return [] }
    if value.isScalar { return [try value.text()] }
    guard let items = value.node.sequence else { throw value.fail("expected a list") }
    return try items.map { try YAMLReader(node: $0, path: value.path).text() }
  }

  mutating func list(_ key: String) throws -> [YAMLReader] {
    guard let value = try optional(key) else { return [] }
    guard let items = value.node.sequence else { throw value.fail("expected a list") }
    return items.map { YAMLReader(node: $0, path: value.path) }
  }

  /// One string or a list of strings.
  func texts() throws -> [String] {
    if isScalar { return [try text()] }
    guard let items else { throw fail("expected a list") }
    return try items.map { try $0.text() }
  }

  /// A mapping's members in order.
  func members() throws -> [(String, YAMLReader)] {
    guard let pairs = node.mapping else { throw fail("expected a mapping") }
    return pairs.map { pair in
      let name = pair.key.string ?? ""
      return (name, YAMLReader(node: pair.value, path: "\(path)\(name): "))
    }
  }

  /// Patterns under the key `of`, each with its reason.
  mutating func reasons(_ key: String, of patternKey: String) throws -> [(pattern: String, reason: String)] {
    try list(key).map { value in
      var value = value
      let result = (try value.string(patternKey), try value.string("reason"))
      try value.finish()
      return result
    }
  }

  mutating func mapping(_ key: String) throws -> [(String, YAMLReader)] {
    guard let value = try optional(key) else { return [] }
    guard let pairs = value.node.mapping else { throw value.fail("expected a mapping") }
    var seen: Set<String> = []
    return try pairs.map { pair in
      let name = pair.key.string ?? ""
      guard seen.insert(name).inserted else { throw value.fail("'\(name)' occurs twice") }
      return (name, YAMLReader(node: pair.value, path: "\(value.path)\(name): "))
    }
  }

  func textPairs() throws -> [(String, String)] {
    guard let pairs = node.mapping else { throw fail("expected a mapping") }
    return try pairs.map { ($0.key.string ?? "", try YAMLReader(node: $0.value, path: path).text()) }
  }

  /// A configuration value: null, true, false, a number, a word, or a list of them.
  func json() throws -> JSON {
    if let items = node.sequence {
      return .array(try items.map { try YAMLReader(node: $0, path: path).json() })
    }
    let text = try self.text()
    switch text {
    case "null", "~": return .null
    case "true": return .bool(true)
    case "false": return .bool(false)
    default:
      if Int(text) != nil { return .number(text) }
      if let number = Double(text) { return .double(number) }
      return .string(text)
    }
  }

  /// Keys of earlier versions of rule files, and their replacements.
  private static let renamed = [
    "immaterial": "renamed to 'irrelevant_when'", "cannot": "renamed to 'unsupported'",
    "without": "renamed to 'dropped'", "stacked": "renamed to 'scan_axis'",
    "words": "renamed to 'values'",
    "presence":
      "'shown' lists keys that tensors show; other keys have lists of {when: has('tensor'), value: ...}",
    "else": "expected a list of {when: ..., value: ...}; the first that holds counts",
    "resample": "the architecture's schema gives it", "input_layer": "the architecture's schema gives it",
    "python": "Python lines are in a file beside the rule file now: ours.py.txt beside ours.yaml",
  ]

  /// Refuses unknown keys.
  func finish() throws {
    for (index, name) in keys.enumerated() {
      if !used.contains(name) {
        if let now = Self.renamed[name] {
          throw Failure(
            "line \(node.mapping?[index].key.mark?.line ?? line): unknown key '\(name)'", hint: now)
        }
        let close = name.closest(in: Array(used))
        throw Failure(
          "line \(node.mapping?[index].key.mark?.line ?? line): unknown key '\(name)'",
          hint: close.isEmpty ? nil : "did you mean '\(close[0])'?")
      }
    }
  }
}
