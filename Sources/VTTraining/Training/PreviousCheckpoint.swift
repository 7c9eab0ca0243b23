import Foundation
import VTCheckpoint
import VTCore

extension RunFolder {
  /// Gives `last` its second name. Where the file system has no links it is renamed.
  func keepLast() throws {
    let (last, previous) = (lastPath, previousPath)
    let second = previous + ".partial-\(getpid())"
    unlink(second)
    if link(last, second) == 0 {
      guard rename(second, previous) == 0 else {
        let code = errno
        unlink(second)
        throw Failure.system("renaming into place", file: previous, code: code)
      }
      // Where both were the same file already, renaming does nothing.
      unlink(second)
      return
    }
    guard rename(last, previous) == 0 else { throw Failure.system("keeping the last checkpoint", file: last) }
  }
}
