import Foundation
import VTCheckpoint
import VTCore

/// Shards of WebDataset: tar archives whose members `key.jpg` and `key.cls` or `key.json` are one image and its label.
enum WebDataset {
  /// Whether an archive's members are of this form.
  static func matches(_ archive: ImageArchive) -> Bool {
    var suffixes: [Substring: Set<Substring>] = [:]
    for file in archive.files {
      guard let (key, suffix) = split(file.name) else { continue }
      if isLabel(suffix), suffix != "json" { return true }
      suffixes[key, default: []].insert(suffix)
    }
    return suffixes.values.contains {
      $0.contains("json") && $0.contains { Image.suffixes.contains(String($0)) }
    }
  }

  /// Shards in a folder: directly, or in folders called `train`, `val` and `test`; nil where none are there.
  static func shards(in folder: String) throws -> [String]? {
    let entries = try FolderListing.entries(folder)
    func tars(_ entries: [FolderEntry], _ place: String) -> [String] {
      entries.filter { !$0.isFolder && $0.name.lowercased().hasSuffix(".tar") }.map { place + "/" + $0.name }
    }
    let own = tars(entries, folder)
    let folders = entries.filter(\.isFolder).map(\.name)
    if !own.isEmpty { return folders.isEmpty ? own : nil }
    guard !folders.isEmpty, folders.allSatisfy({ SetRole($0) != nil }) else { return nil }
    let inside = try folders.map { name in
      tars(try FolderListing.entries(folder + "/" + name), folder + "/" + name)
    }
    return inside.contains { $0.isEmpty } ? nil : inside.flatMap(\.self)
  }

  static func sets(_ shards: [String], _ given: String) throws -> FoundSets {
    let archives = try shards.map { path in
      guard let archive = try ImageArchive(path) else {
        throw Failure("not a tar archive", file: path, hint: "give WebDataset's shards alone")
      }
      return archive
    }
    return try sets(archives, given)
  }

  static func sets(_ archives: [ImageArchive], _ given: String) throws -> FoundSets {
    var reader = WebDatasetReader(archives)
    return try reader.read(given)
  }

  /// A member's key, up to the first dot of its file name, and what follows in small letters.
  static func split(_ name: String) -> (key: Substring, suffix: Substring)? {
    let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
    guard let dot = name[start...].firstIndex(of: "."), dot > start else { return nil }
    return (name[..<dot], Substring(name[name.index(after: dot)...].lowercased()))
  }

  static func isLabel(_ suffix: Substring) -> Bool { ["cls", "cls.txt", "json"].contains(suffix) }
}

/// Puts the members of shards together.
struct WebDatasetReader {
  private struct Item {
    let shard: Int
    let key: String
    let image: Int
    let label: Label
  }

  private enum Label {
    case number(Int)
    case text(String)
  }

  private let archives: [ImageArchive]
  private var remarks = DataRemarks()
  private var items: [Item] = []
  private var unlabelled: [String] = []
  private var imageless: [String] = []
  private var others: [String] = []

  /// No label is longer.
  private static let longestLabel = 1 << 20

  init(_ archives: [ImageArchive]) { self.archives = archives }

  mutating func read(_ given: String) throws -> FoundSets {
    for (shard, archive) in archives.enumerated() {
      remarks.add(archive.remarks)
      do { try read(archive, shard) } catch let failure as Failure {
        throw failure.located(file: archive.path)
      }
    }
    tell()
    guard !items.isEmpty else {
      throw Failure(
        "the shards hold no labelled images", file: given,
        hint: "WebDataset's shards have members key.jpg and key.cls, or key.json with a 'label'")
    }
    var found = FoundSets(
      "WebDataset, \(archives.count.counted("shard"))", given,
      ArchiveContents(archives: archives, members: items.map { ($0.shard, $0.image) }))
    let (classes, labels) = try classes()
    let roles = try roles(given)
    var sets: [SetRole?: [Sample]] = [:]
    for (place, item) in items.enumerated() {
      let archive = archives[item.shard].path
      let shard = (archive as NSString).lastPathComponent
      sets[roles[item.shard], default: []].append(
        Sample(id: archive + "/" + item.key, label: labels[place], name: shard + "/" + item.key, place: place)
      )
    }
    let names: [SetRole?: String] = [.training: "train", .validation: "val", .test: "test", nil: "all"]
    for (role, samples) in sets { found[role] = FoundSet(names[role]!, classes: classes, samples) }
    found.remarks = remarks
    return found
  }

  private mutating func read(_ archive: ImageArchive, _ shard: Int) throws {
    var keys: [Substring] = []
    var images: [Substring: ImageArchive.Member] = [:]
    var labels: [Substring: [Substring: ImageArchive.Member]] = [:]
    for file in archive.files {
      let last = (file.name as NSString).lastPathComponent
      guard !FolderListing.isHidden(last) else { continue }
      guard let (key, suffix) = WebDataset.split(file.name) else {
        others.append(archive.path + "/" + file.name)
        continue
      }
      if images[key] == nil && labels[key] == nil { keys.append(key) }
      if Image.suffixes.contains(String(suffix)) {
        if let other = images.updateValue(file, forKey: key) {
          throw Failure("one key has two images: \(other.name.printable), \(file.name.printable)")
        }
      } else if WebDataset.isLabel(suffix) {
        labels[key, default: [:]][suffix] = file
      } else {
        others.append(archive.path + "/" + file.name)
      }
    }
    for key in keys {
      let name = archive.path + "/" + key
      guard let image = images[key] else {
        imageless.append(name)
        continue
      }
      guard let label = try label(labels[key] ?? [:], archive) else {
        unlabelled.append(name)
        continue
      }
      items.append(Item(shard: shard, key: image.name, image: image.index, label: label))
    }
  }

  /// What `.cls` says, or else the JSON's `label`, `cls`, `class` or `target`.
  private func label(_ members: [Substring: ImageArchive.Member], _ archive: ImageArchive) throws -> Label? {
    for suffix: Substring in ["cls", "cls.txt", "json"] {
      guard let member = members[suffix] else { continue }
      guard archive.size(member.index) <= Self.longestLabel else {
        throw Failure("the label '\(member.name.printable)' has \(archive.size(member.index)) bytes")
      }
      let data = try archive.data(member.index)
      if suffix == "json" {
        let json: JSON
        do { json = try JSON(parsing: data) } catch let failure as Failure {
          throw Failure("'\(member.name.printable)': \(failure.problem)")
        }
        for key in ["label", "cls", "class", "target"] {
          if let number = json[key]?.int { return try checked(number, member) }
          if let text = json[key]?.string, !text.isEmpty { return .text(text.composed) }
        }
        continue
      }
      guard let text = String(validating: data, as: UTF8.self)?.trimmingSpaces, !text.isEmpty else {
        throw Failure("the label '\(member.name.printable)' is not text (UTF-8)")
      }
      if let number = Int(text) { return try checked(number, member) }
      return .text(text.composed)
    }
    return nil
  }

  private func checked(_ number: Int, _ member: ImageArchive.Member) throws -> Label {
    guard number >= 0 else { throw Failure("the label '\(member.name.printable)' is \(number)") }
    return .number(number)
  }

  private mutating func tell() {
    func told(_ names: [String], _ one: String, _ several: String) {
      guard let first = names.first else { return }
      remarks.warnings.append(
        "\(names.count == 1 ? "1 \(one)" : "\(names.count) \(several)") not used, the first: \(first.printable)"
      )
    }
    told(unlabelled, "image has no label and was", "images have no label and were")
    told(imageless, "label has no image and was", "labels have no image and were")
    if let first = others.first {
      remarks.notes.append(
        "\(others.count == 1 ? "1 member" : "\(others.count) members") of the shards \(others.count == 1 ? "is" : "are") neither image nor label, the first: \(first.printable)"
      )
    }
  }

  /// The classes, and each item's.
  private mutating func classes() throws -> ([String], [Int]) {
    let numbers = items.compactMap { if case .number(let number) = $0.label { number } else { nil } }
    if numbers.count == items.count {
      let file = namesFile()
      let names = try file.map { path in
        let file = try MappedFile(path: path)
        return try NumberedClasses.names(file.bytes(0, file.count), path)
      }
      if let names, let place = numbers.firstIndex(where: { $0 >= names.count }) {
        throw Failure(
          "the label \(numbers[place]) is not among the \(names.count.counted("class name"))",
          file: archives[items[place].shard].path + "/" + items[place].key,
          hint: "the names are those of \(file!.printable)")
      }
      let classes = NumberedClasses(numbers, names: names)
      remarks.notes += classes.note(of: file.map { ($0 as NSString).lastPathComponent } ?? "")
      return (classes.classes, numbers.map { classes[$0] })
    }
    guard numbers.isEmpty else {
      throw Failure(
        "some labels are numbers and some are names", file: archives[0].path,
        hint: "write all as one or the other")
    }
    let texts = items.map { if case .text(let text) = $0.label { text } else { "" } }
    let classes = Set(texts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    return (classes, texts.map { places[$0]! })
  }

  /// A file of class names beside the shards, or beside their folder.
  private func namesFile() -> String? {
    let folder = (archives[0].path as NSString).deletingLastPathComponent
    let above =
      SetRole((folder as NSString).lastPathComponent) == nil
      ? [] : [(folder as NSString).deletingLastPathComponent]
    for place in [folder] + above {
      for name in ["classnames.txt", "classes.txt"] {
        let path = place.isEmpty ? name : place + "/" + name
        if FileKind(path) == .file { return path }
      }
    }
    return nil
  }

  /// Each shard's set: by the name of its folder, or by a word of its own name.
  private func roles(_ given: String) throws -> [SetRole?] {
    let roles = archives.map { archive -> SetRole? in
      let parts = archive.path.split(separator: "/")
      if parts.count >= 2, let role = SetRole(String(parts[parts.count - 2])) { return role }
      let words = (parts.last ?? "").split { "-_. ".contains($0) }
      return words.lazy.compactMap { SetRole(String($0)) }.first
    }
    if archives.count == 1 { return [nil] }
    if Set(roles).count > 1, let place = roles.firstIndex(of: nil) {
      throw Failure(
        "the names of some shards say a set and that of others does not", file: archives[place].path,
        hint: "call them like train-000.tar, val-000.tar")
    }
    return roles
  }
}
