import Foundation
import VTCore

/// The temporary files and folders in which outputs are written, beside their places: `NAME.partial-PID`.
///
/// Whoever writes one holds a lock on it (`flock`), so that what a killed process left behind can be told from what is being
/// written, in other containers on the same machine, too.
enum PartialFiles {
  static let mark = ".partial-"

  /// Those of this process that exist now.
  static let unfinished = PathSet()

  static func path(for output: String) -> String { output + mark + String(getpid()) }

  /// Makes the file for `output`, locked while its descriptor is open.
  /// - Throws: `Failure` naming the output, or its folder where that is the reason.
  static func create(for output: String) throws -> (path: String, descriptor: Int32) {
    let path = path(for: output)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else {
      let code = errno
      try OutputFile.checkFolder(of: output)
      throw Failure.system("creating the output", file: output, code: code)
    }
    flock(descriptor, LOCK_EX | LOCK_NB)
    unfinished.insert(path)
    return (path, descriptor)
  }

  /// Deletes what processes that are gone left of writing `output`.
  static func removeStale(of output: String) { forEachStale(of: output, mark, remove) }

  /// Deletes a file, or a folder with all that is in it, as far as that can be done.
  static func remove(_ path: String) {
    if unlink(path) != 0 { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Visits what processes that are gone left beside `output`, under its name and a mark with their number.
  static func forEachStale(of output: String, _ mark: String = mark, _ visit: (String) -> Void) {
    let folder = output.parentFolder
    let prefix = (output as NSString).lastPathComponent + mark
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
    for name in names where name.hasPrefix(prefix) {
      guard let process = pid_t(name.dropFirst(prefix.count)), process > 0, !isAlive(process) else {
        continue
      }
      let path = folder + "/" + name
      let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { visit(path) }
      close(descriptor)
    }
  }

  private static func isAlive(_ process: pid_t) -> Bool { kill(process, 0) == 0 || errno == EPERM }

  /// Deletes those of this process, for use when it is interrupted.
  static func removeUnfinished() {
    unfinished.all.forEach(remove)
  }
}

/// A set of paths that threads may share.
final class PathSet: @unchecked Sendable {
  // `lock` guards `paths`.
  private let lock = NSLock()
  private var paths: Set<String> = []
  func insert(_ path: String) { lock.withLock { _ = paths.insert(path) } }
  func remove(_ path: String) { lock.withLock { _ = paths.remove(path) } }
  var all: [String] { lock.withLock { Array(paths) } }
}

/// Brings a folder's list of files to the disk, so that a renaming outlasts a power cut.
enum FolderFlush {
  /// - Throws: `Failure` where the disk fails. File systems that do not flush folders are none of our business.
  static func flush(_ folder: String) throws {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard fsync(descriptor) != 0, [EIO, ENOSPC, EDQUOT].contains(errno) else { return }
    throw Failure.system("flushing the folder", file: folder)
  }
}
