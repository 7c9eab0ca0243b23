import Foundation
import VTCheckpoint

/// The images in a folder and in the folders inside it.
package struct ImageSearch: Sendable {
  /// Paths from the folder, files before folders, in the order of their names.
  package private(set) var names: [String] = []
  /// Full paths of files that are not images.
  package private(set) var unused: [String] = []
  /// Folders directly inside.
  private(set) var subfolders: [String] = []
  /// Whether there is an image in the folder itself.
  private(set) var hasOwnImages = false

  /// - Throws: `Failure` where a folder cannot be read.
  package init(_ folder: String) throws {
    var visited = Set([FolderListing.identity(folder)].compactMap(\.self))
    try search(folder, "", &visited)
  }

  /// A folder is read once, however many links lead to it.
  private mutating func search(
    _ folder: String, _ prefix: String, _ visited: inout Set<FolderEntry.Identity>
  ) throws {
    let entries = try FolderListing.entries(folder)
    for entry in entries where !entry.isFolder {
      let path = folder + "/" + entry.name
      if Self.isImage(path) {
        names.append(prefix + entry.name)
        if prefix.isEmpty { hasOwnImages = true }
      } else {
        unused.append(path)
      }
    }
    for entry in entries where entry.isFolder && visited.insert(entry.identity).inserted {
      if prefix.isEmpty { subfolders.append(entry.name) }
      try search(folder + "/" + entry.name, prefix + entry.name + "/", &visited)
    }
  }

  /// Whether a file counts as an image: one with an image's suffix does, and if its content is another it is told
  /// when it is read; others do by their content.
  static func isImage(_ path: String) -> Bool {
    let suffix = (path as NSString).pathExtension.lowercased()
    if Image.suffixes.contains(suffix) { return true }
    guard let kind = ImageKind(file: path) else { return false }
    // Cameras' raw files are TIFF with a small preview in front.
    return kind.isCertain || suffix.isEmpty
  }
}
