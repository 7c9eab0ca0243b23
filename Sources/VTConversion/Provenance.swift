import Foundation
import VTCheckpoint
import VTCore

/// Where weights come from, recorded in their metadata.
package enum Provenance {
  /// - Parameter digest: the file's SHA-256, or a placeholder; computed by default.
  package static func make(_ path: String, _ loaded: LoadedCheckpoint, digest: String? = nil) throws -> JSON {
    // A native store records what it was made from; that origin is kept.
    if loaded.dialect == NativeMetadata.nativeDialect, let own = loaded.metadata.provenance {
      return own
    }
    let file = try ModelFolder.weightsFile(path)
    let wildcards = loaded.wildcards.sorted { $0.key < $1.key }
      .map { JSON.Member(key: $0.key, value: .string($0.value)) }
    return .object([
      "source_file": .string((file as NSString).lastPathComponent),
      "source_sha256": .string(try digest ?? CheckpointFile.sha256(path)),
      "source_dialect": .string(loaded.dialect), "source_variant": .string(loaded.variant),
      "source_wildcards": .object(wildcards),
      "converter": .string("vtkit \(Version.current)"),
      "time": .string(Date().formatted(.iso8601)),
    ])
  }
}
