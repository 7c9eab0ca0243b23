import Checkpoint
import Conversion
import Foundation
import VisionModels

/// `--export` targets: `FILE`, or `DIALECT:FILE` where the usual dialect of the format is not wanted.
struct ExportTarget {
  let path: String
  let dialect: String

  init(_ text: String, metadata: NativeMetadata) throws {
    let names = Set(try Dialects.all().map(\.dialect) + [NativeMetadata.nativeDialect])
    if let colon = text.firstIndex(of: ":"), names.contains(String(text[..<colon])) {
      dialect = String(text[..<colon])
      path = String(text[text.index(after: colon)...])
      _ = try FileFormat.ofOutput(path)
    } else {
      path = text
      dialect = try Dialects.usual(for: FileFormat.ofOutput(text), metadata: metadata)
    }
  }

  /// The same target wherever the process runs.
  var absolute: String { dialect + ":" + path.absolutePath }

  /// Fails where the dialect cannot hold the network, before training has taken its time.
  func check(_ metadata: NativeMetadata) throws {
    let specs = try ModelFactory.parameterSpecs(metadata.configuration)
    let shapes = try ParameterStore(
      specs.map { spec in
        StoredTensor(name: spec.name, type: .f32, shape: spec.shape) {
          throw Failure("a check of names and shapes reads no numbers", tensor: spec.name)
        }
      })
    do {
      _ = try exported(shapes, metadata: metadata, keepsDrloc: false)
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  func write(_ weights: ParameterStore, metadata: NativeMetadata, keepsDrloc: Bool, force: Bool) throws {
    let exported = try exported(weights, metadata: metadata, keepsDrloc: keepsDrloc)
    Console.omissions(exported.omitted, dialect: dialect)
    for remark in exported.remarks { Console.line("note: " + remark) }
    try CheckpointFile.write(exported.store, to: path, overwrite: force)
    print("exported \(path) (dialect \(dialect), \(exported.store.count) tensors)")
  }

  private func exported(
    _ weights: ParameterStore, metadata: NativeMetadata, keepsDrloc: Bool
  ) throws -> ExportedCheckpoint {
    let origin = metadata.provenance
    let isReturn = origin?["source_dialect"]?.string == dialect
    return try ExportedCheckpoint.make(
      weights, metadata: metadata, dialect: dialect,
      variant: isReturn ? origin?["source_variant"]?.string : nil,
      wildcards: isReturn ? metadata.sourceWildcards : [:],
      keepsDrloc: keepsDrloc)
  }
}

extension String {
  /// The path from the root, for files that outlive the working folder.
  var absolutePath: String { URL(fileURLWithPath: self).standardizedFileURL.path }
}
