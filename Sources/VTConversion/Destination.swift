import VTCheckpoint
import VTCore

/// Where weights are written: a file, whose suffix says the format, or a model folder.
package struct Destination {
  package let path: String
  /// nil for a model folder.
  package let format: FileFormat?
  package var isFolder: Bool { format == nil }

  /// - Throws: `Failure` where the suffix is of no format that is written.
  package init(_ path: String) throws {
    self.path = path
    if OutputFolder.isMeant(path) {
      format = nil
      return
    }
    do { format = try FileFormat.ofOutput(path) } catch var failure as Failure {
      if !path.split(separator: "/").contains(where: { $0.contains(".") }) {
        failure.hint =
          (failure.hint.map { $0 + "; " } ?? "") + "a model folder is given as \(path.printable)/"
      }
      throw failure
    }
  }

  /// Refuses, before any long work, a place that is taken, is missing or may not be written to.
  /// - Parameter run: a folder that will be made meanwhile.
  package func check(overwrite: Bool, madeMeanwhile run: String? = nil) throws {
    if isFolder {
      try OutputFolder.check(path, overwrite: overwrite)
    } else {
      try OutputFile.check(path, overwrite: overwrite)
    }
    let whole = OutputFolder.trimmed(path)
    let parent = whole.absolutePath.parentFolder
    if parent != run?.absolutePath { try OutputFile.checkFolder(of: whole) }
  }

  /// The dialect to write where none is named.
  package func usualDialect(_ metadata: NativeMetadata, hint: ([String]) -> String) throws -> String {
    try format.map { try Dialects.usual(for: $0, metadata: metadata, hint: hint) }
      ?? Dialects.usualInFolder(metadata, hint: hint)
  }

  /// Writes what was made for this place.
  /// - Returns: the files: the path or those of its index; a folder's by their names in it.
  package func write(
    _ exported: ExportedCheckpoint, compression: Int? = nil, maximumShard: Int? = nil, overwrite: Bool,
    progress: ((Int) -> Void)? = nil
  ) throws -> [String] {
    guard let folder = exported.folder else {
      return try CheckpointFile.write(
        exported.store, to: path, compression: compression, maximumShard: maximumShard, overwrite: overwrite,
        progress: progress)
    }
    return try CheckpointFile.writeFolder(
      exported.store, as: folder.weights, documents: folder.documents, to: path, compression: compression,
      maximumShard: maximumShard, overwrite: overwrite, progress: progress)
  }
}

extension ExportedCheckpoint {
  /// A network brought to a dialect for a place. Going back to where the weights came from restores that file's own
  /// variant and spelling.
  /// - Parameters:
  ///   - metadata: the network's; its provenance says where the weights came from.
  ///   - variant: which of the dialect's variants, where the user names one.
  ///   - modelName: the network's published name, where it has one; folders may hold it.
  /// - Throws: `Failure` naming what the dialect cannot hold.
  package static func make(
    _ native: StateDict, metadata: NativeMetadata, dialect: String, variant: String? = nil, keepsDrloc: Bool,
    for destination: Destination, modelName: String?
  ) throws -> ExportedCheckpoint {
    let origin = metadata.provenance
    let isReturn = origin?["source_dialect"]?.string == dialect
    return try make(
      native, metadata: metadata, dialect: dialect,
      variant: variant ?? (isReturn ? origin?["source_variant"]?.string : nil),
      wildcards: isReturn ? metadata.sourceWildcards : [:], keepsDrloc: keepsDrloc,
      inFolder: destination.isFolder, preset: modelName)
  }

  /// What to know of an export, in words: what the dialect has no place for, and what its library must be told.
  package func notes(dialect: String) -> [String] {
    let reasons = Set(omitted.map(\.reason)).sorted().joined(separator: "; ")
    let left =
      omitted.isEmpty
      ? [] : ["\(dialect) has no place for \(omitted.count.counted("tensor")) (\(reasons))"]
    return left + remarks
  }
}
