import VTCheckpoint
import VTCore

/// Which folders of a data set hold its training, validation and test images.
///
/// A folder counts as a set by its name (`train`, `val`, `test` and their usual spellings, in capitals or not) where
/// it has folders in it and no images: a class may be called `train`, too.
struct DataLayout {
  let root: String
  let training: String?
  /// `val`, or else `valid`, or else `validation`.
  let validation: String?
  let test: String?
  /// Folders beside `training` that are none of these.
  let others: [String]

  init(_ root: String) throws {
    self.root = root
    let folders = try FolderListing.subfolders(root)
    func first(_ names: [String]) throws -> String? {
      for name in names {
        if let folder = folders.first(where: { $0.lowercased() == name }),
          try Self.holdsFolders(root + "/" + folder)
        {
          return folder
        }
      }
      return nil
    }
    training = try first(["train", "training"])
    validation = try first(["val", "valid", "validation"])
    test = try first(["test", "testing"])
    let sets = [training, validation, test]
    others = folders.filter { !sets.contains($0) }
  }

  /// - Throws: `Failure` if there are images beside the folders: it may be a set or a class.
  private static func holdsFolders(_ folder: String) throws -> Bool {
    let entries = try FolderListing.entries(folder)
    guard entries.contains(where: \.isFolder) else { return false }
    if let stray = entries.first(where: { !$0.isFolder && ImageSearch.isImage(folder + "/" + $0.name) }) {
      throw Failure(
        "the folder has the name of a set and holds folders and images (\(stray.name.printable)): it may be a set or a class",
        file: folder, hint: "move the images into its class folders, or rename the class")
    }
    return true
  }

  func path(_ set: String?) -> String { set.map { root + "/" + $0 } ?? root }
}
