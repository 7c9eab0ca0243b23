import Foundation
import VTCheckpoint

/// The pictures in a folder and in the folders inside it.
public struct PictureSearch: Sendable {
  /// Paths from the folder, files before folders, in the order of their names.
  public private(set) var names: [String] = []
  /// Full paths of files that are not pictures.
  public private(set) var unused: [String] = []
  /// Folders directly inside.
  private(set) var subfolders: [String] = []
  /// Whether a picture lies in the folder itself.
  private(set) var hasOwnPictures = false

  /// - Throws: `Failure` where a folder cannot be read.
  public init(_ folder: String) throws {
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
      if Self.isPicture(path) {
        names.append(prefix + entry.name)
        if prefix.isEmpty { hasOwnPictures = true }
      } else {
        unused.append(path)
      }
    }
    for entry in entries where entry.isFolder && visited.insert(entry.identity).inserted {
      if prefix.isEmpty { subfolders.append(entry.name) }
      try search(folder + "/" + entry.name, prefix + entry.name + "/", &visited)
    }
  }

  /// Whether a file counts as a picture: one with a picture's suffix does, and if its content is another it is told
  /// when it is read; others do by their content.
  static func isPicture(_ path: String) -> Bool {
    let suffix = (path as NSString).pathExtension.lowercased()
    if Picture.suffixes.contains(suffix) { return true }
    guard let kind = PictureKind(file: path) else { return false }
    // Cameras' raw files are TIFF with a small preview in front.
    return kind.isCertain || suffix.isEmpty
  }
}
