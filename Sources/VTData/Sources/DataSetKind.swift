import Foundation
import VTCheckpoint
import VTCore

/// Tells by what lies at a path which kind of data set it is. A new kind is a reader of its own and a line here.
enum DataSetKind {
  /// - Throws: `Failure` where nothing lies there, what lies there is damaged, or it may be several things.
  static func sets(at path: String) throws -> any LabelledSets {
    let (place, part) = try DataPart.split(path)
    switch FileKind(place) {
    case .folder: return try folder(place, part, given: path)
    case .file: return try file(place, part, given: path)
    case .missing:
      if let shards = try ShardPattern.paths(place) { return try WebDataset.sets(shards, path) }
      throw Failure.system("reading the data set", file: path, code: ENOENT)
    case .other: throw Failure("neither a folder nor a file", file: path)
    }
  }

  private static func folder(_ folder: String, _ part: String?, given: String) throws -> any LabelledSets {
    if let found = try CIFAR.sets(in: folder, part, given) { return found }
    try DataPart.refuse(part, given)
    if let found = try SVHN.sets(in: folder, given) { return found }
    if let found = try Flowers.sets(in: folder, given) { return found }
    if let found = try DomainNet.sets(in: folder, given) { return found }
    if let shards = try WebDataset.shards(in: folder) {
      if shards.count == 1, let archive = try ImageArchive(shards[0]) {
        return try ArchiveTree.sets(archive, nil, given)
      }
      return try WebDataset.sets(shards, given)
    }
    if let found = try SynsetSets(in: folder, list: nil, given) { return found }
    return try FolderSets(folder)
  }

  private static func file(_ file: String, _ part: String?, given: String) throws -> any LabelledSets {
    let name = file.lowercased()
    if name.hasSuffix(".csv") || name.hasSuffix(".tsv") || name.hasSuffix(".npz") || name.hasSuffix(".txt") {
      try DataPart.refuse(part, given)
    }
    if name.hasSuffix(".csv") || name.hasSuffix(".tsv") { return try ImageList.sets(file) }
    if name.hasSuffix(".npz") { return try ArrayArchive.sets(file) }
    if name.hasSuffix(".txt"), let found = try DomainNet.sets(list: file, given) { return found }
    if let list = try SynsetList(file) {
      let folder = (file as NSString).deletingLastPathComponent
      let place = folder.isEmpty ? "." : folder
      if let found = try SynsetSets(
        in: place, list: place + "/" + (file as NSString).lastPathComponent, given)
      {
        return found
      }
      throw Failure(
        "the list names classes of ImageNet (\(list.classes.min() ?? "")), and no folders of theirs lie beside it",
        file: file, hint: "put it into the folder that holds train and val")
    }
    if let archive = try ImageArchive(file) { return try ArchiveTree.sets(archive, part, given) }
    if [".mat", ".bin"].contains(where: { name.hasSuffix($0) }) {
      throw Failure(
        .usage, "one file of a data set", file: file,
        hint: "give its folder: \((file as NSString).deletingLastPathComponent)")
    }
    throw Failure(
      "not a data set that is known", file: file,
      hint:
        "give a folder with one folder per class, a list (.csv, .tsv), arrays (.npz), an archive (.zip, .tar), or a data set as its authors ship it"
    )
  }
}

/// What lies at a path.
enum FileKind {
  case folder, file, other, missing

  init(_ path: String) {
    var status = stat()
    guard path.withFileName({ stat($0, &status) == 0 }) else {
      self = .missing
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: self = .folder
    case S_IFREG: self = .file
    default: self = .other
    }
  }

  /// A file's first bytes.
  static func head(_ path: String, _ count: Int = 512) throws -> [UInt8] {
    let descriptor = EncodedImage.open(path)
    guard descriptor >= 0 else { throw Failure.system("opening", file: path) }
    defer { close(descriptor) }
    var head = [UInt8](repeating: 0, count: count)
    let got = read(descriptor, &head, count)
    guard got >= 0 else { throw Failure.system("reading", file: path) }
    return Array(head[..<got])
  }
}

/// `path#part`: which of a data set's labels are meant, where it has several.
enum DataPart {
  /// The path and the part; a file of that whole name is that file.
  static func split(_ path: String) throws -> (path: String, part: String?) {
    guard FileKind(path) == .missing, let mark = path.lastIndex(of: "#") else { return (path, nil) }
    return (String(path[..<mark]), String(path[path.index(after: mark)...]))
  }

  /// - Throws: `Failure` of kind `.usage` where a part is given.
  static func refuse(_ part: String?, _ path: String) throws {
    guard let part else { return }
    throw Failure(
      .usage, "the data set has no part '\(part.printable)'", file: path,
      hint: "leave out the #\(part.printable)")
  }
}
