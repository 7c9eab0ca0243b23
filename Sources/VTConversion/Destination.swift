import VTCheckpoint
import VTCore

/// Where weights are written: a file, whose suffix gives the format, or a model folder.
package struct Destination {
  package let path: String
  /// nil for a model folder.
  package let format: FileFormat?
  package var isFolder: Bool { format == nil }

  /// - Throws: `Failure` if the suffix is not that of a format VTKit writes.
  package init(_ path: String) throws {
    self.path = path
    if OutputFolder.isMeant(path) {
      format = nil
      return
    }
    do { format = try FileFormat.ofOutput(path) } catch var failure as Failure {
      if !path.split(separator: "/").contains(where: { $0.contains(".") }) {
        failure.hint =
          (failure.hint.map { $0 + "; " } ?? "") + "for a model folder, give \(path.printable)/"
      }
      throw failure
    }
  }

  /// Refuses, before any long work, a path that exists, whose folder is missing, or that is not writable.
  /// - Parameter run: a folder that will be created meanwhile.
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

  /// The default dialect to write.
  package func usualDialect(_ metadata: NativeMetadata, hint: ([String]) -> String) throws -> String {
    try format.map { try Dialects.usual(for: $0, metadata: metadata, hint: hint) }
      ?? Dialects.usualInFolder(metadata, hint: hint)
  }

  /// Writes an export that was made for this place.
  /// - Returns: the files: the path, or an index's files; a folder's by their names in it.
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
  /// Exports a network to a dialect for a place. An export to the dialect that the weights came from restores
  /// that file's variant and spelling.
  /// - Parameters:
  ///   - metadata: the network's; its provenance records where the weights came from.
  ///   - variant: which of the dialect's variants, if the user names one.
  ///   - modelName: the network's published name, if it has one; folders may hold it.
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

  /// Notes on an export: what the dialect cannot hold, and what its library must be told.
  package func notes(dialect: String) -> [String] {
    let reasons = Set(omitted.map(\.reason)).sorted().joined(separator: "; ")
    let left =
      omitted.isEmpty
      ? [] : ["\(dialect) cannot hold \(omitted.count.counted("tensor")) (\(reasons))"]
    return left + remarks
  }
}
