import Foundation
import VTCheckpoint
import VTCore

extension RunFolder {
  /// Gives `last` its second name. Where the file system has no links it is renamed.
  func keepLast() throws {
    guard try !link(lastPath, as: previousPath) else { return }
    guard rename(lastPath, previousPath) == 0 else {
      throw Failure.system("keeping the last checkpoint", file: lastPath)
    }
  }

  /// Gives a file a second name, in place of what has that name.
  /// - Returns: false where the file system has no links; nothing has happened then.
  func link(_ file: String, as name: String) throws -> Bool {
    let second = name + ".partial-\(getpid())"
    unlink(second)
    guard Foundation.link(file, second) == 0 else { return false }
    guard rename(second, name) == 0 else {
      let code = errno
      unlink(second)
      throw Failure.system("renaming into place", file: name, code: code)
    }
    // Where both were the same file already, renaming does nothing.
    unlink(second)
    return true
  }
}
