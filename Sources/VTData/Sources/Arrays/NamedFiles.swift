import VTCheckpoint
import VTCore

/// The files that belong together in a data set, in a folder or in an archive.
struct NamedFiles {
  /// The folder, or the archive, for messages.
  let place: String
  let names: Set<String>
  private let read: (String) throws -> Bytes

  init(_ place: String, names: Set<String>, read: @escaping (String) throws -> Bytes) {
    (self.place, self.names, self.read) = (place, names, read)
  }

  /// The files of a folder.
  init(folder: String) throws {
    let files = try FolderListing.entries(folder).filter { !$0.isFolder }.map(\.name)
    self.init(folder, names: Set(files)) { name in
      let file = try MappedFile(path: folder + "/" + name)
      return try file.bytes(0, file.count)
    }
  }

  func bytes(_ name: String) throws -> Bytes { try read(name) }
  func path(_ name: String) -> String { place + "/" + name }
}
