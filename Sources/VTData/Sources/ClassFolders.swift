import VTCheckpoint
import VTCore

/// The class folders of one set, and the images in them.
struct ClassFolders: LabelledSet {
  /// Sorted by name; names are composed as Unicode's form C.
  private(set) var classes: [String] = []
  private(set) var remarks = DataRemarks()
  private let base: String
  private var folders: [[String]] = []

  /// - Throws: `Failure` where the folder cannot be read.
  init(_ base: String) throws {
    self.base = base
    for entry in try FolderListing.entries(base) {
      guard entry.isFolder else {
        if ImageSearch.isImage(base + "/" + entry.name) {
          remarks.outside.append(base + "/" + entry.name)
        }
        continue
      }
      // Strings compare as Unicode does: composed and decomposed spellings are equal.
      // Its true name; bytes that are not text cannot be in one.
      let name = (entry.name.hasUnreadableBytes ? entry.name.printable : entry.name).composed
      if entry.name.hasUnreadableBytes {
        remarks.warnings.append(
          "the name of the class folder '\(name.printable)' is not UTF-8: the class is called that")
      }
      if let index = classes.firstIndex(of: name) {
        folders[index].append(entry.name)
        remarks.warnings.append(
          "two folders in \(base.printable) are called '\(name.printable)' in different spellings of Unicode: they are one class"
        )
      } else {
        classes.append(name)
        folders.append([entry.name])
      }
    }
  }

  /// The images, labelled by the place of their class in `order`; classes that `order` lacks are left out.
  /// - Throws: `Failure` where the folders look like sets rather than classes, or a folder holds no image at all.
  mutating func images(order: [String]) throws -> [Sample] {
    var result: [Sample] = []
    var inside: [Set<String>] = []
    var found: Set<String> = []
    for (label, name) in order.enumerated() {
      guard let index = classes.firstIndex(of: name) else { continue }
      guard found.insert(name).inserted else { throw Self.twice(name, base) }
      for folder in folders[index] {
        let path = base + "/" + folder
        let search = try ImageSearch(path)
        remarks.unused += search.unused
        inside.append(search.hasOwnImages ? [] : Set(search.subfolders))
        try Self.checkKinds(search, path)
        result += search.names.map { Sample(id: path + "/" + $0, label: label, name: $0) }
      }
    }
    try Self.checkDepth(inside, order, base)
    return result
  }

  static func twice(_ name: String, _ place: String?) -> Failure {
    Failure(
      "two of the network's classes are called '\(name.printable)'", file: place,
      hint: "give them different names with --classes FILE")
  }

  /// One file that begins as an image is enough; damage further in is reported when it is read.
  private static func checkKinds(_ search: ImageSearch, _ path: String) throws {
    guard !search.names.isEmpty,
      !search.names.contains(where: { ImageKind(file: path + "/" + $0) != nil })
    else { return }
    throw Failure(
      "\(search.names.count == 1 ? "the 1 file" : "none of the \(search.names.count) files") in the folder is \(search.names.count == 1 ? "not " : "")a \(ImageKind.list) image",
      file: path,
      hint: "convert them, or remove the folder")
  }

  /// Folders such as `fold1/cat`, `fold1/dog`, `fold2/cat`, `fold2/dog` are sets, not classes.
  static func checkDepth(_ inside: [Set<String>], _ order: [String], _ base: String) throws {
    guard inside.count >= 2, let first = inside.first, first.count >= 2,
      inside.allSatisfy({ $0 == first })
    else { return }
    let (outer, inner) = (
      order.prefix(2).joined(separator: ", "), first.sorted().prefix(3).joined(separator: ", ")
    )
    throw Failure(
      "the folders \(outer) hold no images but the same folders (\(inner)): they look like sets, not classes",
      file: base, hint: "name them train and val, or give one of them")
  }
}

/// What a user should know of a data folder.
package struct DataRemarks: Sendable, Equatable {
  /// What may be a mistake.
  package internal(set) var warnings: [String] = []
  /// What was chosen.
  package internal(set) var notes: [String] = []
  /// Files in class folders that are not images.
  var unused: [String] = []
  /// Images beside the class folders.
  var outside: [String] = []

  mutating func add(_ other: DataRemarks) {
    warnings += other.warnings.filter { !warnings.contains($0) }
    notes += other.notes
    unused += other.unused
    outside += other.outside
  }

  /// Turns the lists of files into one warning each.
  mutating func close() {
    if let text = Self.unused(unused) { warnings.append(text) }
    if let first = outside.first {
      let subject = outside.count == 1 ? "1 image lies" : "\(outside.count) images lie"
      warnings.append(
        "\(subject) outside the class folders and \(outside.count == 1 ? "was" : "were") not used, the first: \(first.printable)"
      )
    }
    (unused, outside) = ([], [])
  }

  /// What to say of files that are not images.
  package static func unused(_ files: [String]) -> String? {
    guard let first = files.first else { return nil }
    let kinds = ImageKind.list
    let subject =
      files.count == 1
      ? "1 file is not a \(kinds) image and was"
      : "\(files.count) files are not \(kinds) images and were"
    return "\(subject) not used, the first: \(first.printable)"
  }
}
