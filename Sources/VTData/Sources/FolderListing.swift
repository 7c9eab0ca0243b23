import Foundation
import VTCheckpoint
import VTCore

/// A folder's visible content, read by the bytes of the names.
struct FolderEntry {
  /// As `String.init(fileBytes:)` gives it.
  let name: String
  let isFolder: Bool
  /// Tells folders apart, whichever links lead to them.
  let identity: Identity

  struct Identity: Hashable {
    let device: UInt64
    let node: UInt64
  }
}

enum FolderListing {
  /// What systems leave behind, hidden files apart.
  private static let litter: Set<String> = ["__macosx", "thumbs.db", "desktop.ini"]

  /// Whether people do not mean the file or folder when they mean what is in a folder.
  static func isHidden(_ name: String) -> Bool {
    name.utf8.first == UInt8(ascii: ".") || litter.contains(name.lowercased())
  }

  /// The content of a folder, hidden files left out, in the order of the names' bytes (composed as Unicode's form C, so
  /// that a copy made by another system has the same order).
  /// - Throws: `Failure` where the folder is missing or cannot be read.
  static func entries(_ folder: String) throws -> [FolderEntry] {
    guard let stream = folder.withFileName({ opendir($0) }) else {
      if errno == ENOENT { throw Failure.system("reading the folder", file: folder, code: ENOENT) }
      throw Failure("not a readable folder", file: folder)
    }
    defer { closedir(stream) }
    var found: [(key: [UInt8], entry: FolderEntry)] = []
    while true {
      errno = 0
      guard let record = readdir(stream) else {
        guard errno == 0 else { throw Failure.system("reading the folder", file: folder) }
        break
      }
      let start = UnsafeRawPointer(record) + MemoryLayout<dirent>.offset(of: \.d_name)!
      let text = start.assumingMemoryBound(to: UInt8.self)
      let raw = Array(
        UnsafeBufferPointer(start: text, count: strlen(start.assumingMemoryBound(to: CChar.self))))
      let name = String(fileBytes: raw)
      if isHidden(name) { continue }
      found.append((Array(name.composed.utf8), entry(folder, name)))
    }
    return found.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.entry)
  }

  private static func entry(_ folder: String, _ name: String) -> FolderEntry {
    let (status, found) = status(folder + "/" + name)
    return FolderEntry(
      name: name, isFolder: found && status.st_mode & S_IFMT == S_IFDIR, identity: identity(status))
  }

  /// What tells a folder apart; nil where there is none.
  static func identity(_ folder: String) -> FolderEntry.Identity? {
    let (status, found) = status(folder)
    return found ? identity(status) : nil
  }

  private static func identity(_ status: stat) -> FolderEntry.Identity {
    .init(
      device: UInt64(truncatingIfNeeded: status.st_dev), node: UInt64(truncatingIfNeeded: status.st_ino))
  }

  private static func status(_ path: String) -> (stat, found: Bool) {
    var status = stat()
    return path.withFileName { stat($0, &status) == 0 } ? (status, true) : (stat(), false)
  }

  /// The names of a folder's folders.
  static func subfolders(_ folder: String) throws -> [String] {
    try entries(folder).filter(\.isFolder).map(\.name)
  }
}

extension String {
  /// Unicode's form C; names that differ in their form alone are the same to people.
  var composed: String {
    utf8.allSatisfy { $0 < 0x80 } ? self : precomposedStringWithCanonicalMapping
  }
}
