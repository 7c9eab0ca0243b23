import VTCheckpoint
import VTCore

/// Reads the members of a JSON object in a run folder. Whoever edits such files makes mistakes, so each is named by its
/// key; and what nobody asked for is refused, for it would have meant something to the version that wrote it.
struct RecordReader {
  private let members: [String: JSON]
  /// What the object is: `the recipe`.
  let name: String
  private let prefix: String
  /// Whether keys may be missing that have a default, as in folders of an earlier version.
  let allowsMissing: Bool
  private var asked: Set<String> = []
  /// Keys that were missing and got their default.
  private(set) var lacking: [String] = []

  /// Every key, in the object's order.
  let keys: [String]

  /// - Parameter prefix: the prefix of a key in messages (`drloc.`).
  init(_ json: JSON, _ name: String, prefix: String = "", allowsMissing: Bool) throws {
    guard let members = json.members else { throw Failure("\(name) is not a JSON object") }
    keys = members.map(\.key)
    self.members = Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
    self.name = name
    self.prefix = prefix
    self.allowsMissing = allowsMissing
  }

  /// - Parameters:
  ///   - kind: what belongs there, with an article.
  ///   - fallback: taken where the key may be missing and is.
  mutating func value<Value>(
    _ key: String, _ kind: String, default fallback: Value? = nil, _ parse: (JSON) -> Value?
  ) throws -> Value {
    asked.insert(key)
    guard let given = members[key] else {
      if allowsMissing, let fallback {
        lacking.append(prefix + key)
        return fallback
      }
      throw Failure("\(name) lacks '\(prefix)\(key)' (\(kind))")
    }
    guard let value = parse(given) else {
      throw Failure(
        "\(name)'s '\(prefix)\(key)' is \(String(given.text().prefix(60)).printable), and must be \(kind)")
    }
    return value
  }

  /// The same for what may be null.
  mutating func optional<Value>(
    _ key: String, _ kind: String, default fallback: Value?? = nil, _ parse: (JSON) -> Value?
  ) throws -> Value? {
    try value(key, kind + ", or null", default: fallback) { json in
      if json == .null { return .some(nil) }
      return parse(json).map { .some($0) }
    }
  }

  mutating func int(_ key: String, default fallback: Int? = nil) throws -> Int {
    try value(key, "a whole number", default: fallback, \.int)
  }

  mutating func number(_ key: String, default fallback: Double? = nil) throws -> Double {
    try value(key, "a finite number", default: fallback) { $0.double.flatMap { $0.isFinite ? $0 : nil } }
  }

  mutating func flag(_ key: String, default fallback: Bool? = nil) throws -> Bool {
    try value(key, "true or false", default: fallback, \.bool)
  }

  mutating func text(_ key: String) throws -> String { try value(key, "a text", \.string) }

  mutating func texts(_ key: String) throws -> [String] {
    try value(key, "a list of texts") { json in
      let texts = json.array?.compactMap(\.string)
      return texts?.count == json.array?.count ? texts : nil
    }
  }

  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice? = nil
  ) throws -> Choice where Choice.RawValue == String {
    try value(key, Self.list(Choice.self), default: fallback) { $0.string.flatMap(Choice.init) }
  }

  static func list<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) -> String
  where Choice.RawValue == String {
    "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
  }

  /// - Throws: `Failure` where the object has a key that nobody asked for.
  func finish() throws {
    guard let unknown = members.keys.filter({ !asked.contains($0) }).min() else { return }
    throw Failure(
      "\(name) has the key '\(prefix)\(unknown.printable)', which this version of VTKit does not know",
      hint: "go on with the version that began the run, or remove the key if it was added by hand")
  }
}
