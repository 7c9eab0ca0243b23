import Foundation
import VTCheckpoint
import VTCore

/// Oxford Flowers-102 as its authors ship it: `jpg/image_00001.jpg` ..., `imagelabels.mat` and `setid.mat`.
enum Flowers {
  private static let (labels, sets) = ("imagelabels.mat", "setid.mat")
  /// Which array of `setid.mat` has the numbers of a set's images.
  private static let arrays = [
    (SetRole.training, "train", "trnid"), (.validation, "val", "valid"), (.test, "test", "tstid"),
  ]

  /// nil where the labels are not there.
  static func sets(in folder: String, _ given: String) throws -> FoundSets? {
    let entries = try FolderListing.entries(folder)
    func has(_ name: String) -> Bool { entries.contains { $0.name == name } }
    guard has(labels) else { return nil }
    guard has(sets) else {
      throw Failure(
        "\(sets) is missing: it says which images are for what", file: folder, hint: "fetch it, too")
    }
    guard has("jpg") else {
      throw Failure(
        "the folder jpg is missing", file: folder,
        hint: has("102flowers.tgz")
          ? "unpack 102flowers.tgz there" : "fetch 102flowers.tgz and unpack it there")
    }
    guard let all = try numbers(folder + "/" + labels, ["labels"])["labels"] else {
      throw Failure("the file has no array 'labels'", file: folder + "/" + labels)
    }
    if let index = all.firstIndex(where: { !(1...1000).contains($0) }) {
      throw Failure("image \(index + 1) has the label \(all[index])", file: folder + "/" + labels)
    }
    let ids = try numbers(folder + "/" + sets, Set(arrays.map(\.2)))
    return try found(all, ids, folder, given)
  }

  private static func found(
    _ labels: [Int], _ ids: [String: [Int]], _ folder: String, _ given: String
  ) throws -> FoundSets {
    let place = folder + "/" + sets
    let names = try categories(folder)
    let classes = NumberedClasses(
      ids.values.joined().compactMap { labels.indices.contains($0 - 1) ? labels[$0 - 1] : nil }, names: names)
    var found = FoundSets("Oxford Flowers-102", given, FileContents())
    var seen: Set<Int> = []
    var missing: [String] = []
    for (role, name, array) in arrays {
      guard let own = ids[array] else { throw Failure("the file has no array '\(array)'", file: place) }
      var samples: [Sample] = []
      for id in own {
        guard labels.indices.contains(id - 1) else {
          throw Failure("'\(array)' names the image \(id), and there are \(labels.count)", file: place)
        }
        guard seen.insert(id).inserted else {
          throw Failure("the image \(id) is named twice, the second time in '\(array)'", file: place)
        }
        let digits = String(id)
        let file = "jpg/image_" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".jpg"
        let path = folder + "/" + file
        if FileKind(path) == .missing { missing.append(path) }
        samples.append(Sample(id: path, label: classes[labels[id - 1]], name: file))
      }
      if !samples.isEmpty { found[role] = FoundSet(name, classes: classes.classes, samples) }
    }
    if seen.count < labels.count {
      found.remarks.warnings.append(
        "\(labels.count - seen.count) labelled images are in no set and were not used")
    }
    if let first = missing.first {
      guard missing.count < seen.count else {
        throw Failure(
          "none of the \(seen.count.counted("image")) is there, the first: \(first.printable)", file: folder,
          hint: "unpack 102flowers.tgz there")
      }
      found.remarks.warnings.append(
        "\(missing.count.counted("image")) \(missing.count == 1 ? "is" : "are") not there, the first: \(first.printable)"
      )
    }
    return found
  }

  private static func numbers(_ path: String, _ names: Set<String>) throws -> [String: [Int]] {
    try MATFile.arrays(path, names).mapValues { array in
      do { return try array.integers() } catch let failure as Failure { throw failure.located(file: path) }
    }
  }

  /// Names of the numbered kinds, in the widespread `cat_to_name.json`: `{"1": "pink primrose", ...}`; the authors ship
  /// none.
  private static func categories(_ folder: String) throws -> [String]? {
    let path = folder + "/cat_to_name.json"
    guard FileKind(path) == .file else { return nil }
    let file = try MappedFile(path: path)
    do {
      let json = try file.bytes(0, file.count).withUnsafeBytes { try JSON(parsing: $0) }
      var names = (0...1000).map(String.init)
      for member in json.members ?? [] {
        guard let number = Int(member.key), names.indices.contains(number), let name = member.value.string
        else {
          throw Failure("'\(member.key.printable)' is not the number of a kind with its name")
        }
        names[number] = name
      }
      return names
    } catch let failure as Failure { throw failure.located(file: path) }
  }
}
