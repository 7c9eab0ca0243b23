import VTCheckpoint
import VTCore
import VTModels

/// The keys of the architectures' configurations as `vtkit models --keys` and docs/reference/configuration-keys.md show them: what
/// the code that reads them says.
enum ConfigurationPage {
  /// Markdown, one table for each architecture.
  static func text(_ architectures: [String]) throws -> String {
    try architectures.map { architecture in
      let rows = try Models.configurationKeys(of: architecture).map { key in
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
        let keys = try Models.configurationKeys(of: architecture).map { key in
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
