import Checkpoint
import Conversion
import Foundation

/// Where weights come from, as it travels with them.
enum Provenance {
  static func make(_ path: String, _ loaded: LoadedCheckpoint) throws -> JSON {
    // A native store remembers what it was made from; that is the origin worth keeping.
    if loaded.dialect == NativeMetadata.nativeDialect, let own = loaded.metadata.provenance {
      return own
    }
    let wildcards = loaded.wildcards.sorted { $0.key < $1.key }
      .map { JSON.Member(key: $0.key, value: .string($0.value)) }
    return .object([
      "source_file": .string((path as NSString).lastPathComponent),
      "source_sha256": .string(try CheckpointFile.sha256(path)),
      "source_dialect": .string(loaded.dialect), "source_variant": .string(loaded.variant),
      "source_wildcards": .object(wildcards),
      "converter": .string("vtkit \(VTKit.configuration.version)"),
      "time": .string(Date().formatted(.iso8601)),
    ])
  }
}
