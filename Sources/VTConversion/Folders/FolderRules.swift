import VTCheckpoint
import VTCore

/// How a dialect's library describes networks in JSON files beside the weights: a rule file's `folder`.
/// Import reads configuration keys from them; export writes what the library needs to load the folder by its
/// name alone.
struct FolderRules: Sendable {
  /// A native key and the library's names for it, dotted if nested. The first that is present is read; all
  /// are written.
  struct Key: Sendable {
    let key: String
    let sources: [[String]]
  }

  /// A description for some networks.
  struct Written: Sendable {
    /// The condition for this case; nil means always.
    let when: Expression?
    /// nil if the library cannot describe such a network, for the given reason.
    let values: JSONTemplate?
    let reason: String?
    /// The dialect's variant that the described class loads; nil for the usual one.
    let variant: String?
  }

  let layout: FolderLayout
  /// Members that show whether the file is about the dialect's networks, and patterns of the values that do.
  let about: [(member: [String], patterns: [String])]
  /// The member that names the network (`vit_small_patch16_224`).
  let networkName: String?
  /// The member that holds the keys, if the file has it.
  let inside: String?
  let keys: [Key]
  /// Maps the library's words to native ones. If a word has several meanings, the first is taken.
  let values: [(theirs: String, ours: [String])]
  /// The library's defaults for keys that its file lacks.
  let defaults: [(key: String, value: JSON)]
  let written: [Written]
  /// Members whose other values make another network of the same tensors; with `beside`, only if a native key
  /// may have one of these words, as the file gives it.
  let refused:
    [(member: [String], unless: [String], beside: [(key: String, words: [String])], reason: String)]

  init(_ reader: YAMLReader) throws {
    var reader = reader
    let name = try reader.string("layout")
    guard let layout = FolderLayout(rawValue: name) else {
      throw reader.fail("the layout '\(name)' is unknown")
    }
    self.layout = layout
    func path(_ text: String) -> [String] { text.split(separator: ".").map(String.init) }
    about = try reader.mapping("about").map { (path($0), try $1.texts()) }
    networkName = try reader.optional("name")?.text()
    inside = try reader.optional("inside")?.text()
    keys = try reader.mapping("keys").map { Key(key: $0, sources: try $1.texts().map(path)) }
    values = try reader.mapping("values").map { ($0, try $1.texts()) }
    defaults = try reader.mapping("defaults").map { ($0, try $1.json()) }
    refused = try reader.list("refuse").map { value in
      var value = value
      let result = (
        path(try value.string("member")), try value.strings("unless"),
        try value.mapping("beside").map { ($0, try $1.texts()) }, try value.string("reason")
      )
      try value.finish()
      return result
    }
    written = try reader.list("write").map { value in
      var value = value
      let result = try value.located {
        Written(
          when: try value.optional("when").map { try Expression($0.text()) },
          values: try value.optional("values").map { try JSONTemplate($0) },
          reason: try value.optional("reason")?.text(),
          variant: try value.optional("variant")?.text())
      }
      guard (result.values == nil) == (result.reason != nil) else {
        throw value.fail("expected either 'values' or a 'reason'")
      }
      try value.finish()
      return result
    }
    try reader.finish()
  }

  /// Whether the library's own file records a key, so that the user need not set it in the library.
  func says(_ key: String) -> Bool { keys.contains { $0.key == key } }
}

/// JSON in which texts in braces are expressions over the configuration: `{num_classes: "{num_classes}"}`.
indirect enum JSONTemplate: Sendable {
  case value(JSON)
  case expression(Expression)
  case array([JSONTemplate])
  case object([(key: String, value: JSONTemplate)])

  init(_ reader: YAMLReader) throws {
    if let items = reader.items {
      self = .array(try items.map { try JSONTemplate($0) })
    } else if reader.isMapping {
      self = .object(try reader.members().map { ($0, try JSONTemplate($1)) })
    } else if let text = try? reader.text(), text.hasPrefix("{"), text.hasSuffix("}") {
      self = .expression(try reader.located { try Expression(String(text.dropFirst().dropLast())) })
    } else {
      self = .value(try reader.json())
    }
  }

  /// - Throws: `Failure` naming an expression that has no value.
  func filled(_ lookUp: (String) -> JSON?) throws -> JSON {
    switch self {
    case .value(let value): return value
    case .array(let items): return .array(try items.map { try $0.filled(lookUp) })
    case .object(let members):
      return .object(
        try members.map { JSON.Member(key: $0.key, value: try $0.value.filled(lookUp)) })
    case .expression(let expression):
      guard let value = expression.evaluate(lookUp) else {
        throw Failure("the network's configuration gives no value for '\(expression.text)'")
      }
      return value
    }
  }
}

extension JSON {
  /// A member by its path through nested objects.
  subscript(path: [String]) -> JSON? {
    path.reduce(Optional(self)) { value, key in value?[key] }
  }

  /// The same object with a member set; missing objects on the path are created.
  func setting(_ path: [String], _ value: JSON) -> JSON {
    guard let key = path.first else { return value }
    var members = self.members ?? []
    let rest = Array(path.dropFirst())
    if let at = members.firstIndex(where: { $0.key == key }) {
      members[at] = Member(key: key, value: members[at].value.setting(rest, value))
    } else {
      members.append(Member(key: key, value: JSON.object([]).setting(rest, value)))
    }
    return .object(members)
  }

  /// The same object merged with another, recursively.
  func merging(_ other: JSON) -> JSON {
    guard members != nil, let theirs = other.members else { return other }
    return theirs.reduce(self) { result, member in
      result.setting([member.key], result[member.key]?.merging(member.value) ?? member.value)
    }
  }
}
