import Checkpoint
import Datasets
import Foundation

/// The pictures that a command line names: files, and folders with all that lies in them.
enum PictureArguments {
  /// - Throws: `Failure` where a path leads nowhere, or a folder holds no picture.
  static func files(_ paths: [String]) throws -> [String] {
    try paths.flatMap { path -> [String] in
      var status = stat()
      guard path.withFileName({ stat($0, &status) == 0 }) else {
        throw Failure.system("opening the picture", file: path)
      }
      guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
      let search = try PictureSearch(path)
      if let text = DataRemarks.unused(search.unused) { Console.warning(text) }
      guard !search.names.isEmpty else { throw Failure("no pictures found", file: path) }
      return search.names.map { path + (path.hasSuffix("/") ? "" : "/") + $0 }
    }
  }
}
