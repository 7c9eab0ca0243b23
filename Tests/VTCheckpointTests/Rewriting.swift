import Foundation

extension Data {
  /// Writes a file that is written over and over. Where a file is there already, ext4 flushes what replaces its content to the
  /// disk with every call; a new file waits. Tests that damage a file thousands of times spent most of their time so.
  func rewrite(_ path: String) throws {
    unlink(path)
    try write(to: URL(fileURLWithPath: path))
  }
}
