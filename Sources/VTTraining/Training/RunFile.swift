import Foundation
import VTCheckpoint
import VTCore

/// Small text files of a run folder.
enum RunFile {
  /// Beyond it no such file of VTKit's goes.
  private static let largest = 1 << 30

  /// The file's bytes; nil where there is none.
  /// - Throws: `Failure` where there is something that cannot be read, such as a folder or a pipe.
  static func read(_ path: String) throws -> Data? {
    // A pipe that nobody writes into must not hold us up.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw Failure.system("opening", file: path)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Failure.system("reading", file: path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw Failure("not a regular file", file: path) }
    guard status.st_size <= largest else {
      throw Failure("the file is too large for what it should be (\(status.st_size) bytes)", file: path)
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        Foundation.read(descriptor, $0.baseAddress! + done, $0.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system("reading", file: path) }
      if count == 0 { break }
      done += count
    }
    return Data(bytes[..<done])
  }
}
