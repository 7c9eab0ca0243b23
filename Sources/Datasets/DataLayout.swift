import Checkpoint

/// Which folders of a data set hold its training, validation and test pictures.
///
/// A folder counts as a set by its name (`train`, `val`, `test` and their usual spellings, in capitals or not) where
/// folders lie in it and no pictures: a class may be called `train` too.
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

  private static func holdsFolders(_ folder: String) throws -> Bool {
    let entries = try FolderListing.entries(folder)
    return entries.contains(where: \.isFolder)
      && !entries.contains { !$0.isFolder && PictureSearch.isPicture(folder + "/" + $0.name) }
  }

  func path(_ set: String?) -> String { set.map { root + "/" + $0 } ?? root }
}
