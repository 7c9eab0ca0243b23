import Foundation
import VTCore
import Yams

extension JSON {
  /// A YAML document's values. Plain scalars are null, truth values, numbers or texts, as JSON spells them; quoted ones are
  /// texts.
  /// - Throws: `Failure` with the line if the document is malformed, or has a key that is not a word, the same key twice, or
  ///   an alias.
  package init(yaml text: String) throws {
    let node: Node?
    do { node = try YAMLReader.tree(text) } catch { throw Failure("malformed YAML: \(error)") }
    guard let node else { throw Failure("the file is empty") }
    self = try Self.value(node)
  }

  private static func value(_ node: Node) throws -> JSON {
    switch node {
    case .scalar(let scalar): return scalar.style == .plain ? plain(scalar.string) : .string(scalar.string)
    case .sequence(let sequence): return .array(try sequence.map(value))
    case .mapping(let mapping):
      var seen: Set<String> = []
      return .object(
        try mapping.map { key, value in
          guard let name = key.scalar?.string else { throw fail(key, "a key is a single word") }
          guard seen.insert(name).inserted else {
            throw fail(key, "'\(name.printable)' is there twice")
          }
          return JSON.Member(key: name, value: try Self.value(value))
        })
    case .alias: throw fail(node, "aliases are not understood: write the value out")
    }
  }

  private static func plain(_ text: String) -> JSON {
    if ["", "~", "null"].contains(text) { return .null }
    // Numbers and truth values as JSON spells them; 1e-3 is one, and 0x10, .5 and yes are texts.
    guard let value = try? JSON(parsing: text) else { return .string(text) }
    switch value {
    case .number, .bool: return value
    default: return .string(text)
    }
  }

  private static func fail(_ node: Node, _ problem: String) -> Failure {
    Failure("line \(node.mark?.line ?? 0): \(problem)")
  }
}
