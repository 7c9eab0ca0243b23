import Foundation
import VTCheckpoint
import VTCore

/// Images in folders by class within an archive: the same rules as on disk. A folder that holds all of them counts as
/// the archive itself.
struct ArchiveTree {
  private struct File {
    let parts: ArraySlice<String>
    let index: Int
    let isImage: Bool
  }

  private let archive: ImageArchive
  private var files: [File] = []
  private var remarks: DataRemarks
  private var contents: [(archive: Int, index: Int)] = []

  /// What an archive of a data set holds.
  static func sets(_ archive: ImageArchive, _ part: String?, _ given: String) throws -> FoundSets {
    if let found = try CIFAR.sets(in: archive, part, given) { return found }
    try DataPart.refuse(part, given)
    if WebDataset.matches(archive) { return try WebDataset.sets([archive], given) }
    var tree = try ArchiveTree(archive)
    return try tree.sets(given)
  }

  private init(_ archive: ImageArchive) throws {
    self.archive = archive
    remarks = archive.remarks
    for member in archive.files {
      let parts = member.name.split(separator: "/").map(String.init)
      if parts.contains(where: { FolderListing.isHidden($0) }) { continue }
      files.append(File(parts: parts[...], index: member.index, isImage: try archive.isImage(member)))
    }
    files.sort {
      $0.parts.map { Array($0.composed.utf8) }.joined(separator: [0])
        .lexicographicallyPrecedes($1.parts.map { Array($0.composed.utf8) }.joined(separator: [0]))
    }
    while let root = commonRoot { files = Self.below(root, files) }
  }

  /// The one folder at the top, where it is neither a set nor a class: it holds sets, or no images of its own.
  private var commonRoot: String? {
    let folders = Set(files.filter { $0.parts.count > 1 }.map { $0.parts.first! })
    guard folders.count == 1, let root = folders.first, SetRole(root) == nil,
      !files.contains(where: { $0.parts.count == 1 && $0.isImage })
    else { return nil }
    let inside = Self.below(root, files)
    let holdsSets = inside.contains { $0.parts.count > 2 && SetRole($0.parts.first!) != nil }
    return holdsSets || !inside.contains { $0.parts.count == 1 && $0.isImage } ? root : nil
  }

  private static func below(_ folder: String, _ files: [File]) -> [File] {
    files.filter { $0.parts.first == folder && $0.parts.count > 1 }
      .map { File(parts: $0.parts.dropFirst(), index: $0.index, isImage: $0.isImage) }
  }

  private mutating func sets(_ given: String) throws -> FoundSets {
    var folders: [String] = []
    for file in files where file.parts.count > 1 && folders.last != file.parts.first {
      folders.append(file.parts.first!)
    }
    var roles: [SetRole: String] = [:]
    for role in SetRole.allCases {
      // `val` before `valid` before `validation`.
      roles[role] = folders.filter { SetRole($0) == role && holdsFolders($0) }.min { $0.count < $1.count }
    }
    let others = folders.filter { !roles.values.contains($0) }
    let hasSets = roles[.training] != nil || !roles.isEmpty && others.isEmpty
    var chosen: [(SetRole?, String, [File])] = []
    if hasSets {
      for (role, name) in roles { chosen.append((role, name, try set(name))) }
      if !others.isEmpty {
        remarks.warnings.append(
          "folders beside the sets were not used: \(others.prefix(5).map(\.printable).joined(separator: ", "))"
        )
      }
      remarks.outside += outside(files.filter { $0.parts.count == 1 })
    } else {
      chosen = [(nil, "all", files)]
    }
    var made: [(SetRole?, FoundSet)] = []
    for (role, name, files) in chosen { made.append((role, try labelled(files, name, role != nil))) }
    var found = FoundSets(
      "folders of images by class in a \(archive.kind)", given,
      ArchiveContents(archives: [archive], members: contents))
    found.remarks = remarks
    for (role, set) in made { found[role] = set }
    guard made.contains(where: { !$0.1.samples.isEmpty }) else { throw ImageFolder.noImages(archive.path) }
    return found
  }

  private func holdsFolders(_ folder: String) -> Bool {
    files.contains { $0.parts.first == folder && $0.parts.count > 2 }
  }

  /// The files of a set.
  private func set(_ name: String) throws -> [File] {
    let inside = Self.below(name, files)
    if let stray = inside.first(where: { $0.parts.count == 1 && $0.isImage }) {
      throw Failure(
        "the folder has the name of a set and holds folders and images (\(stray.parts.last!.printable)): it may be a set or a class",
        file: archive.path + "/" + name, hint: "move the images into its class folders, or rename the class")
    }
    return inside
  }

  private func outside(_ files: [File]) -> [String] {
    files.filter(\.isImage).map { archive.path + "/" + $0.parts.joined(separator: "/") }
  }

  private mutating func labelled(_ files: [File], _ name: String, _ isSet: Bool) throws -> FoundSet {
    let front = isSet ? name + "/" : ""
    remarks.outside += outside(files.filter { $0.parts.count == 1 })
    var classes: [String] = []
    var places: [String: Int] = [:]
    var samples: [Sample] = []
    var inside: [Set<String>] = []
    for file in files where file.parts.count > 1 {
      let folder = file.parts.first!
      let title = (folder.hasUnreadableBytes ? folder.printable : folder).composed
      let place = front + file.parts.joined(separator: "/")
      guard file.isImage else {
        remarks.unused.append(archive.path + "/" + place)
        continue
      }
      if places[title] == nil {
        places[title] = classes.count
        classes.append(title)
        inside.append([])
      }
      let label = places[title]!
      if file.parts.count > 2 {
        inside[label].insert(file.parts[file.parts.startIndex + 1])
      } else {
        inside[label].insert("")
      }
      samples.append(
        Sample(
          id: archive.path + "/" + place, label: label,
          name: file.parts.dropFirst().joined(separator: "/"), place: contents.count))
      contents.append((0, file.index))
    }
    try ClassFolders.checkDepth(inside.map { $0.contains("") ? [] : $0 }, classes, archive.path)
    return FoundSet(name, classes: classes, samples)
  }
}

extension CIFAR {
  /// What an archive holds, as the authors pack it: one folder of files.
  static func sets(in archive: ImageArchive, _ part: String?, _ given: String) throws -> FoundSets? {
    var folders: [String: [String: Int]] = [:]
    for member in archive.files {
      let name = (member.name as NSString).lastPathComponent
      // Their folders hold some ten files.
      if FolderListing.isHidden(name) || member.name.split(separator: "/").count > 2 { continue }
      folders[(member.name as NSString).deletingLastPathComponent, default: [:]][name] = member.index
    }
    for (folder, members) in folders.sorted(by: { $0.key < $1.key }) {
      let files = NamedFiles(
        folder.isEmpty ? archive.path : archive.path + "/" + folder, names: Set(members.keys)
      ) { try archive.bytes(members[$0]!) }
      if let found = try sets(files, part, given) { return found }
    }
    return nil
  }
}
