import Foundation
import VTCore

/// The same promise for a file that a C library writes by its path.
final class ExternalOutput {
  let path: String
  /// Where the library writes.
  let temporary: String
  private var finished = false

  init(_ path: String, overwrite: Bool) throws {
    self.path = path
    try OutputFile.check(path, overwrite: overwrite)
    PartialFiles.removeStale(of: path)
    // Created here so that a wrong path is reported as one.
    let created = try PartialFiles.create(for: path)
    temporary = created.path
    close(created.descriptor)
  }

  func commit() throws {
    let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system("flushing", file: path) }
    let flushed = fsync(descriptor)
    close(descriptor)
    guard flushed == 0 else { throw Failure.system("flushing", file: path) }
    guard rename(temporary, path) == 0 else {
      throw Failure.system("renaming into place", file: path)
    }
    finished = true
    PartialFiles.unfinished.remove(temporary)
    try FolderFlush.flush(path.parentFolder)
  }

  deinit {
    if !finished {
      unlink(temporary)
      PartialFiles.unfinished.remove(temporary)
    }
  }
}
