import Foundation
import VTCore

/// Where an archive's bytes lie: in a file, of which parts are read when they are used, or in memory.
package enum ArchiveBytes: Sendable {
  case file(String, count: Int)
  case memory(Bytes, path: String)

  /// - Throws: `Failure` where the file cannot be opened.
  package init(file path: String) throws {
    var status = stat()
    guard path.withFileName({ stat($0, &status) == 0 }) else {
      throw Failure.system("opening the archive", file: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw Failure("not a regular file", file: path) }
    self = .file(path, count: Int(status.st_size))
  }

  package var count: Int {
    switch self {
    case .file(_, let count): count
    case .memory(let bytes, _): bytes.count
    }
  }

  package var path: String {
    switch self {
    case .file(let path, _), .memory(_, let path): path
    }
  }

  /// Bytes `offset..<offset + length`.
  /// - Throws: `Failure` where the archive ends before.
  package func read(_ offset: Int, _ length: Int) throws -> Data {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else {
      throw truncated(offset)
    }
    switch self {
    case .memory(let bytes, _): return bytes.slice(offset, length).withUnsafeBytes { Data($0) }
    case .file(let path, _):
      // Opened each time: a data set may have more shards than a process may have open files.
      let descriptor = path.withFileName { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
      guard descriptor >= 0 else { throw Failure.system("opening the archive", file: path) }
      defer { close(descriptor) }
      var data = Data(count: length)
      var done = 0
      try data.withUnsafeMutableBytes { raw in
        while done < length {
          let got = pread(descriptor, raw.baseAddress! + done, length - done, off_t(offset + done))
          if got < 0 && errno == EINTR { continue }
          guard got >= 0 else { throw Failure.system("reading the archive", file: path) }
          guard got > 0 else { throw truncated(offset + done) }
          done += got
        }
      }
      return data
    }
  }

  private func truncated(_ offset: Int) -> Failure {
    Failure(
      "the archive ends before its content does", file: path, offset: offset,
      hint: "the file is truncated; fetch it again")
  }
}
