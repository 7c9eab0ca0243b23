import Foundation
import VTCheckpoint
import VTCore
import VTData

/// Images that are named one by one, or by folders with all images in them.
package enum ImagePaths {
  /// - Parameter tell: called with files that are not images, and with folders without any.
  /// - Throws: `Failure` where a path leads nowhere, or they hold no image at all.
  package static func files(_ paths: [String], tell: (VerbEvent) throws -> Void) throws -> [String] {
    var empty: [String] = []
    let files = try paths.flatMap { path -> [String] in
      var status = stat()
      guard path.withFileName({ stat($0, &status) == 0 }) else {
        throw Failure.system("opening the image", file: path)
      }
      guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
      let search = try ImageSearch(path)
      if let text = DataRemarks.unused(search.unused) { try tell(.warning(text)) }
      if search.names.isEmpty { empty.append(path) }
      return search.names.map { path + (path.hasSuffix("/") ? "" : "/") + $0 }
    }
    guard !files.isEmpty || paths.isEmpty else {
      throw Failure(
        "no images found", file: empty.joined(separator: ", "),
        hint: "give \(ImageKind.list) files, or folders that hold some")
    }
    for path in empty { try tell(.warning("no images found in \(path.printable)")) }
    return files
  }
}
