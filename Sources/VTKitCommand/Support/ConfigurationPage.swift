import VTConversion
import VTCore
import VTModels

/// The keys of the architectures' configurations as `vtkit models --keys` and docs/reference/configuration-keys.md show them: what
/// the `schema.yaml` of each architecture says.
enum ConfigurationPage {
  private struct Row {
    let name: String
    let kind: String
    let usual: String?
    let meaning: String
  }

  private static func rows(_ architecture: String) throws -> [Row] {
    guard let keys = try ArchitectureSchema.named(architecture)?.keys else {
      throw Failure(
        .usage, "the architecture '\(architecture.printable)' is unknown",
        hint: "known are " + Models.architectures.joined(separator: ", "))
    }
    return [
      Row(
        name: "architecture", kind: "'\(architecture)'", usual: nil,
        meaning: "which network the other keys describe")
    ] + keys.map { Row(name: $0.name, kind: $0.kind, usual: $0.usual, meaning: $0.meaning) }
  }

  /// Markdown, one table for each architecture.
  static func text(_ architectures: [String]) throws -> String {
    try architectures.map { architecture in
      let rows = try rows(architecture).map { key in
        "| `\(key.name)` | \(key.kind) | \(key.usual ?? "must be given") | \(key.meaning) |"
      }
      return """
        ## \(architecture)

        | key | value | where it is left out | meaning |
        | --- | --- | --- | --- |
        \(rows.joined(separator: "\n"))

        """
    }.joined(separator: "\n")
  }

  static func json(_ architectures: [String]) throws -> JSON {
    .object(
      try architectures.map { architecture in
        let keys = try rows(architecture).map { key in
          JSON.object([
            "name": .string(key.name), "value": .string(key.kind),
            "default": key.usual.map { .string($0) } ?? .null,
            "meaning": .string(key.meaning),
          ])
        }
        return JSON.Member(key: architecture, value: .array(keys))
      })
  }
}
