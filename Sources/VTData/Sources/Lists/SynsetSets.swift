import Foundation
import VTCheckpoint
import VTCore

/// ImageNet, or the part of it that a list chooses: folders called `n01440764` in `train/` and `val/`, or in
/// `train.X1/` ... and `val.X/` as ImageNet-100 is passed around, and beside them lists of classes.
struct SynsetSets: LabelledSets {
  let kind: String
  let path: String
  let contents: any ImageContents = FileContents()
  let remarks: DataRemarks
  let unused: String?
  private let root: String
  /// The folders that each set is made of.
  private let parts: [SetRole: (name: String, folders: [String])]
  /// Of the classes that are used.
  private let names: [String: String]

  var training: String? { parts[.training]?.name }
  var validation: String? { parts[.validation]?.name }
  var test: String? { parts[.test]?.name }

  /// nil where the folders are not called so, or nothing says more of them than their names do.
  /// - Parameter chosen: the list that says which classes are used, where there are several.
  init?(in folder: String, list chosen: String?, _ given: String) throws {
    let entries = try FolderListing.entries(folder)
    let parts = try Self.parts(folder, entries.filter(\.isFolder).map(\.name))
    var folders: [String] = []
    for part in parts[.training]?.folders ?? [""] {
      folders += try FolderListing.subfolders(part.isEmpty ? folder : folder + "/" + part)
    }
    let found = Set(folders.filter(SynsetList.isSynset))
    guard !found.isEmpty, found.count == Set(folders).count else { return nil }
    let lists = try entries.filter { !$0.isFolder }.compactMap { try SynsetList(folder + "/" + $0.name) }
    guard !lists.isEmpty || parts[.training]?.folders.count ?? 0 > 1 else { return nil }
    (root, path, self.parts) = (folder, given, parts)
    var (wanted, remarks) = (found, DataRemarks())
    let choosing = try Self.choosing(lists, chosen, given)
    if let choosing {
      wanted = found.intersection(choosing.classes)
      let file = (choosing.path as NSString).lastPathComponent
      let missing = choosing.classes.subtracting(found).sorted()
      guard !wanted.isEmpty else {
        throw Failure("none of the list's \(missing.count) classes has a folder", file: choosing.path)
      }
      if let first = missing.first {
        remarks.warnings.append(
          "\(missing.count) of \(choosing.classes.count) classes of \(file.printable) have no folder, the first: \(first)"
        )
      }
      let rest = found.subtracting(wanted).count
      if rest > 0 {
        remarks.notes.append(
          "\(wanted.count) of \(found.count) class folders are used: those that \(file.printable) lists")
      }
    }
    var all: [String: String] = [:]
    for list in lists { all.merge(list.names) { first, _ in first } }
    let titles = wanted.sorted().map { all[$0] ?? $0 }
    let counts = Dictionary(titles.map { ($0, 1) }, uniquingKeysWith: +)
    names = Dictionary(
      uniqueKeysWithValues: zip(wanted.sorted(), titles).map { ($0, counts[$1] == 1 ? $1 : "\($1) (\($0))") })
    let used = Set(parts.values.flatMap(\.folders))
    let others = parts.isEmpty ? [] : entries.filter { $0.isFolder && !used.contains($0.name) }.map(\.name)
    unused =
      others.isEmpty
      ? nil
      : "folders beside the sets were not used: \(others.prefix(5).map(\.printable).joined(separator: ", "))"
    self.remarks = remarks
    kind = "ImageNet's folders, \(wanted.count.counted("class", "classes"))"
  }

  /// `train` and `val`, or `train.X1`, `train.X2`, ... and `val.X`.
  private static func parts(_ root: String, _ folders: [String]) throws -> [SetRole: (
    name: String, folders: [String]
  )] {
    var result: [SetRole: (name: String, folders: [String])] = [:]
    let layout = try DataLayout(root)
    for (role, name) in [
      (SetRole.training, layout.training), (.validation, layout.validation), (.test, layout.test),
    ] {
      let pieces = folders.filter { folder in
        let halves = folder.split(separator: ".")
        return halves.count == 2 && SetRole(String(halves[0])) == role && halves[1].hasPrefix("X")
          && halves[1].dropFirst().allSatisfy(\.isNumber)
      }
      if let name {
        result[role] = (name, [name])
      } else if !pieces.isEmpty {
        result[role] = (String(pieces[0].split(separator: ".")[0]), pieces)
      }
    }
    return result[.training] == nil ? [:] : result
  }

  /// The list that chooses: the given one, or the only one without names.
  private static func choosing(_ lists: [SynsetList], _ chosen: String?, _ given: String) throws
    -> SynsetList?
  {
    if let chosen { return lists.first { $0.path == chosen } }
    let plain = lists.filter { $0.names.isEmpty }
    guard plain.count <= 1 else {
      throw Failure(
        .usage,
        "several lists of classes lie in the folder: \(plain.map { ($0.path as NSString).lastPathComponent.printable }.joined(separator: ", "))",
        file: given, hint: "give the one that is meant: \(plain[0].path.printable)")
    }
    return plain.first
  }

  func set(_ name: String?) throws -> any LabelledSet {
    let folders = parts.values.first { $0.name == name }?.folders.map { root + "/" + $0 } ?? [root]
    return SynsetSet(try folders.map { try ClassFolders($0) }, names)
  }

  func place(of set: String?) -> String { set.map { root + "/" + $0 } ?? root }
  func title(of set: String) -> String { set + "/" }
}

/// One set of ImageNet's folders; their names become those of their classes.
struct SynsetSet: LabelledSet {
  private var folders: [ClassFolders]
  private let names: [String: String]
  let classes: [String]

  init(_ folders: [ClassFolders], _ names: [String: String]) {
    (self.folders, self.names) = (folders, names)
    classes = Set(folders.flatMap(\.classes)).sorted().compactMap { names[$0] }
  }

  var remarks: DataRemarks {
    var all = DataRemarks()
    for folder in folders { all.add(folder.remarks) }
    return all
  }

  mutating func images(order: [String]) throws -> [Sample] {
    let synsets = Dictionary(uniqueKeysWithValues: names.map { ($1, $0) })
    // A class that is not of these folders has no images here.
    let own = order.enumerated().map { synsets[$1] ?? "#\($0)" }
    var result: [Sample] = []
    for place in folders.indices { result += try folders[place].images(order: own) }
    return result
  }
}

/// A file that names classes of ImageNet: a synset a line, perhaps with its name behind; or JSON,
/// `{"n01440764": "tench"}` or `{"0": ["n01440764", "tench"]}`.
struct SynsetList {
  let path: String
  let classes: Set<String>
  /// Of those that the file names.
  let names: [String: String]

  static func isSynset(_ name: some StringProtocol) -> Bool {
    name.utf8.count == 9 && name.utf8.first == UInt8(ascii: "n")
      && name.utf8.dropFirst().allSatisfy { (48...57).contains($0) }
  }

  /// Files that are such lists by their names, and damaged where they are none.
  private static let known: Set = ["loc_synset_mapping.txt", "labels.json", "imagenet_class_index.json"]

  /// nil where the file is something else.
  /// - Throws: `Failure` if a file with a known name does not hold a list.
  init?(_ path: String) throws {
    let suffix = (path as NSString).pathExtension.lowercased()
    guard ["txt", "lst", "json"].contains(suffix) else { return nil }
    let file = try MappedFile(path: path)
    guard file.count <= 1 << 22,
      let text = try file.bytes(0, file.count).withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
    else {
      try Self.refuse(path)
      return nil
    }
    let entries = suffix == "json" ? Self.json(text) : Self.lines(text)
    guard let entries, !entries.isEmpty else {
      try Self.refuse(path)
      return nil
    }
    self.path = path
    classes = Set(entries.map(\.0))
    names = Dictionary(
      entries.compactMap { synset, name in name.map { (synset, $0.composed) } },
      uniquingKeysWith: { first, _ in first })
  }

  private static func refuse(_ path: String) throws {
    guard known.contains((path as NSString).lastPathComponent.lowercased()) else { return }
    throw Failure(
      "the file does not name ImageNet's classes (n01440764 and a name)", file: path,
      hint: "fetch it again, or remove it")
  }

  private static func lines(_ text: String) -> [(String, String?)]? {
    var result: [(String, String?)] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmingSpaces
      if line.isEmpty { continue }
      guard isSynset(line.prefix(9)), line.count == 9 || " \t,".contains(line.dropFirst(9).first!) else {
        return nil
      }
      var rest = line.dropFirst(9).drop { " \t,".contains($0) }
      // Some lists have a number in between.
      if let first = rest.split(separator: " ").first, Int(first) != nil {
        rest = rest.dropFirst(first.count)
      }
      let name = rest.trimmingSpaces
      result.append((String(line.prefix(9)), name.isEmpty ? nil : name))
    }
    return result
  }

  private static func json(_ text: String) -> [(String, String?)]? {
    guard let members = try? JSON(parsing: text).members else { return nil }
    let entries = members.compactMap { member -> (String, String?)? in
      if isSynset(member.key), let name = member.value.string { return (member.key, name) }
      guard let pair = member.value.array?.compactMap(\.string), pair.count == 2, isSynset(pair[0]) else {
        return nil
      }
      return (pair[0], pair[1])
    }
    return entries.count == members.count ? entries : nil
  }
}
