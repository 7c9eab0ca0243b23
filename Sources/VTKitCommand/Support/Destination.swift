import Foundation
import VTCheckpoint
import VTConversion
import VTCore
import VTModels

/// Where weights are written: a file, whose suffix says the format, or a model folder.
struct Destination {
  let path: String
  /// nil for a model folder.
  let format: FileFormat?
  var isFolder: Bool { format == nil }

  /// - Throws: `Failure` where the suffix is of no format that is written.
  init(_ path: String) throws {
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
  func check(overwrite: Bool, madeMeanwhile run: String? = nil) throws {
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
  func usualDialect(_ metadata: NativeMetadata, hint: ([String]) -> String) throws -> String {
    try format.map { try Dialects.usual(for: $0, metadata: metadata, hint: hint) }
      ?? Dialects.usualInFolder(metadata, hint: hint)
  }

  /// Writes what was made for this place.
  /// - Returns: the files: the path or those of its index; a folder's by their names in it.
  func write(
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

extension NamedModel {
  /// The published name of a network of this configuration, whatever its number of classes.
  static func name(of configuration: JSON) -> String? {
    // Where windows divide every grid, which published Swins' do, their padding makes no difference.
    let free: Set = ["num_classes", "window_padding"]
    return Models.all.first { model in
      (model.configuration.members ?? []).allSatisfy { member in
        free.contains(member.key) || configuration[member.key].map { $0.isSame(as: member.value) } ?? true
      } && configuration["architecture"] == model.configuration["architecture"]
    }?.name
  }
}
