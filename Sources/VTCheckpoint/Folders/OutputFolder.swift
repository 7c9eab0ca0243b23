import CFiles
import Foundation
import VTCore

/// A folder that appears whole or not at all: filled beside its place, then renamed.
package final class OutputFolder {
  package let path: String
  /// Where the files are written.
  package let temporary: String
  private var finished = false
  // Holds the lock that tells others that the folder is being filled.
  private var descriptor: Int32 = -1

  /// - Parameter overwrite: whether a model folder in its place may be replaced.
  /// - Throws: `Failure` where the place is taken or cannot be written to.
  package init(_ path: String, overwrite: Bool) throws {
    self.path = Self.trimmed(path)
    Self.settleReplaced(self.path)
    try Self.check(path, overwrite: overwrite)
    temporary = PartialFiles.path(for: self.path)
    PartialFiles.removeStale(of: self.path)
    try? FileManager.default.removeItem(atPath: temporary)
    try OutputFile.checkFolder(of: temporary)
    guard mkdir(temporary, 0o755) == 0 else { throw Failure.system("creating the folder", file: path) }
    PartialFiles.unfinished.insert(temporary)
    descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
    if descriptor >= 0 { flock(descriptor, LOCK_EX | LOCK_NB) }
  }

  /// A folder's path without slashes at its end.
  package static func trimmed(_ path: String) -> String {
    var path = Substring(path)
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  /// Whether a path names a folder to write: it ends with a slash, or there is a folder.
  package static func isMeant(_ path: String) -> Bool {
    path.hasSuffix("/") || ModelFolder.isFolder(path)
  }

  /// Refuses what `init` would refuse, before any long work is done. Only a folder of a model's own files is ever
  /// replaced: everything else in it would be lost.
  package static func check(_ path: String, overwrite: Bool) throws {
    let path = trimmed(path)
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw Failure(.usage, "the output is a file, not a folder", file: path, hint: "give another path")
    }
    let content = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? ["?"]
    if content.isEmpty { return }
    guard overwrite else {
      throw Failure(
        .usage, "the output folder exists already and is not empty", file: path,
        hint: isModels(content)
          ? "pass --force to replace it" : "choose another folder: this one holds no model")
    }
    guard isModels(content) else {
      let other = content.filter { !isModelFile($0) }.sorted().first
      throw Failure(
        .usage,
        "the output folder is not replaced: it holds "
          + (other.map { "'\($0.printable)', which is not a model's file" } ?? "no model"),
        file: path, hint: "choose another folder")
    }
  }

  private static func isModels(_ content: [String]) -> Bool {
    content.contains { $0.hasSuffix("config.json") } && content.allSatisfy(isModelFile)
  }

  /// What VTKit itself writes into model folders, in all formats.
  private static func isModelFile(_ name: String) -> Bool {
    if ["config.json", "preprocessor_config.json", "open_clip_config.json"].contains(name) { return true }
    let isWeights = ["model", "pytorch_model", "tf_model", "open_clip_"].contains { name.hasPrefix($0) }
    return isWeights && (try? FileFormat(path: name)) != nil
  }

  /// Moves the folder into place. What was there goes only when the new one is safe.
  package func commit() throws {
    try FolderFlush.flush(temporary)
    let older = try publish()
    finished = true
    PartialFiles.unfinished.remove(temporary)
    try FolderFlush.flush(path.parentFolder)
    older.map(PartialFiles.remove)
  }

  /// - Returns: where the older folder is now.
  private func publish() throws -> String? {
    // An empty folder is replaced without asking.
    if rename(temporary, path) == 0 { return nil }
    guard errno == ENOTEMPTY || errno == EEXIST else {
      throw Failure.system("renaming into place", file: path)
    }
    let code = vt_exchange(temporary, path)
    if code == 0 { return temporary }
    guard [EINVAL, ENOSYS, ENOTSUP].contains(code) else {
      throw Failure.system("renaming into place", file: path, code: code)
    }
    let old = path + Self.replacedMark + "\(getpid())"
    guard rename(path, old) == 0 else { throw Failure.system("renaming into place", file: path) }
    guard rename(temporary, path) == 0 else {
      let code = errno
      rename(old, path)
      throw Failure.system("renaming into place", file: path, code: code)
    }
    return old
  }

  private static let replacedMark = ".replaced-"

  /// Where the file system cannot exchange folders, a process may have ended before the new one was in place, or before the
  /// older one was removed: it comes back, or goes.
  private static func settleReplaced(_ path: String) {
    PartialFiles.forEachStale(of: path, replacedMark) { old in
      if access(path, F_OK) != 0, rename(old, path) == 0 { return }
      let content = (try? FileManager.default.contentsOfDirectory(atPath: old)) ?? ["?"]
      if content.allSatisfy(isModelFile) { PartialFiles.remove(old) }
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    guard !finished else { return }
    try? FileManager.default.removeItem(atPath: temporary)
    PartialFiles.unfinished.remove(temporary)
  }
}

extension CheckpointFile {
  /// Writes a model folder: weights and the JSON files that describe them. It appears whole or not at all.
  /// - Parameters:
  ///   - name: the weights file's name; its suffix decides the format.
  ///   - documents: names and contents of the JSON files.
  ///   - overwrite: whether a model folder in its place may be replaced.
  /// - Returns: the names of the files in it.
  /// - Throws: `Failure`; the folder is then as it was.
  @discardableResult
  package static func writeFolder(
    _ store: StateDict, as name: String, documents: [(name: String, content: JSON)], to path: String,
    compression: Int? = nil, maximumShard: Int? = nil, overwrite: Bool = false,
    progress: ((Int) -> Void)? = nil
  ) throws -> [String] {
    let folder = try OutputFolder(path, overwrite: overwrite)
    do {
      let files = try write(
        store, to: folder.temporary + "/" + name, compression: compression, maximumShard: maximumShard,
        progress: progress)
      for (name, content) in documents {
        let file = try OutputFile(folder.temporary + "/" + name, overwrite: false)
        try file.write(content.text(pretty: true) + "\n")
        try file.commit()
      }
      try folder.commit()
      return documents.map(\.name) + files.map { ($0 as NSString).lastPathComponent }
    } catch var failure as Failure {
      // The user knows the folder by its own name.
      failure.file = failure.file?.replacingOccurrences(of: folder.temporary, with: folder.path)
      throw failure
    }
  }
}
