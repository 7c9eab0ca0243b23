import Checkpoint
import Foundation
import Tensor

/// A picture file and its class.
public struct LabeledPicture: Sendable, Equatable {
  public let path: String
  public let label: Int

  public init(path: String, label: Int) {
    self.path = path
    self.label = label
  }
}

/// Pictures in folders by class: `train/<class>/...` and `val/<class>/...`, or `<class>/...` alone.
public struct ImageFolder: Sendable {
  /// In the order of their labels: sorted by name.
  public let classes: [String]
  public let training: [LabeledPicture]
  public let validation: [LabeledPicture]

  /// - Parameters:
  ///   - validationFraction: the part of each class that is put aside where there is no `val` folder.
  ///   - seed: decides that part.
  /// - Throws: `Failure` where the folder is missing, has no pictures or fewer than two classes.
  public init(_ root: String, validationFraction: Double = 0.2, seed: UInt64 = 0) throws {
    let folders = try Self.subfolders(root)
    let hasTrain = folders.contains("train")
    let valFolder = hasTrain ? folders.first { Self.validationNames.contains($0) } : nil
    let base = hasTrain ? root + "/train" : root
    let classes = try hasTrain ? Self.subfolders(base) : folders
    let pictures = try Self.pictures(base, classes: classes)
    if let valFolder {
      let folder = root + "/" + valFolder
      let extra = try Self.subfolders(folder).filter { !classes.contains($0) }
      guard extra.isEmpty else {
        throw Failure(
          "the validation set has classes that the training set lacks (\(extra.prefix(5).joined(separator: ", ")))",
          file: folder)
      }
      training = pictures
      validation = try Self.pictures(folder, classes: classes)
    } else {
      (training, validation) = try Self.split(pictures, classes.count, validationFraction, seed)
    }
    self.classes = classes
    try check(root)
  }

  /// Folders that hold a validation set.
  private static let validationNames = ["val", "valid", "validation", "test"]

  /// The pictures of a folder whose classes are known, such as a network's own: `val/<class>`, or `<class>`.
  /// - Throws: `Failure` where the folder has other classes.
  public static func evaluationSet(_ root: String, classes: [String]?) throws -> (
    classes: [String], pictures: [LabeledPicture]
  ) {
    let folders = try subfolders(root)
    let inner = folders.first { validationNames.contains($0) }
    let base = inner.map { root + "/" + $0 } ?? root
    let found = try subfolders(base)
    let known = classes ?? found
    let unknown = found.filter { !known.contains($0) }
    guard unknown.isEmpty else {
      throw Failure(
        "the folder has classes that the network lacks (\(unknown.prefix(5).joined(separator: ", ")))",
        file: base, remedy: "give the data set that the network was tuned on, or one of its classes")
    }
    let pictures = try pictures(base, classes: known)
    guard !pictures.isEmpty else { throw noPictures(base) }
    return (known, pictures)
  }

  private static func noPictures(_ root: String) -> Failure {
    Failure(
      "no pictures found", file: root,
      remedy:
        "put .jpg or .png files into one folder a class: \(root)/<class>/, or \(root)/train/<class>/ and \(root)/val/<class>/"
    )
  }

  private func check(_ root: String) throws {
    guard !training.isEmpty else { throw Self.noPictures(root) }
    guard classes.count >= 2 else {
      throw Failure(
        "only one class ('\(classes[0])'): there is nothing to tell apart", file: root,
        remedy: "put the pictures of each class into a folder of its own")
    }
    let counts = classes.indices.map { label in training.count { $0.label == label } }
    let empty = zip(classes, counts).filter { $0.1 == 0 }.map(\.0)
    guard empty.isEmpty else {
      throw Failure(
        "classes without training pictures (\(empty.prefix(5).joined(separator: ", ")))",
        file: root, remedy: "add pictures or remove the folders")
    }
  }

  private static func subfolders(_ root: String) throws -> [String] {
    try entries(root).filter { name in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isFolder)
        && isFolder.boolValue
    }
  }

  /// Names in a folder, hidden ones left out, in the order of their bytes on every machine.
  private static func entries(_ folder: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder)
        .filter { !$0.hasPrefix(".") }
        .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
      guard FileManager.default.fileExists(atPath: folder) else {
        throw Failure.system("reading the folder", file: folder, code: ENOENT)
      }
      throw Failure("not a readable folder", file: folder)
    }
  }

  private static func pictures(_ root: String, classes: [String]) throws -> [LabeledPicture] {
    var result: [LabeledPicture] = []
    for (label, name) in classes.enumerated() {
      let folder = root + "/" + name
      guard FileManager.default.fileExists(atPath: folder) else { continue }
      for file in try entries(folder)
      where Picture.suffixes.contains((file as NSString).pathExtension.lowercased()) {
        result.append(LabeledPicture(path: folder + "/" + file, label: label))
      }
    }
    return result
  }

  /// Puts the same part of every class aside, at least one picture of each that has two.
  private static func split(
    _ pictures: [LabeledPicture], _ classes: Int, _ fraction: Double, _ seed: UInt64
  ) throws -> ([LabeledPicture], [LabeledPicture]) {
    guard fraction >= 0, fraction < 1 else {
      throw Failure(.usage, "the validation fraction \(fraction) is not in 0..<1")
    }
    var (training, validation): ([LabeledPicture], [LabeledPicture]) = ([], [])
    for label in 0..<classes {
      let own = pictures.filter { $0.label == label }
      var generator = RandomKey(seed: seed, purpose: .split, index: UInt64(label)).generator()
      let order = generator.permutation(own.count)
      var aside = Int((Double(own.count) * fraction).rounded())
      if fraction > 0 && own.count >= 2 { aside = min(max(aside, 1), own.count - 1) }
      if own.count < 2 { aside = 0 }
      validation += order.prefix(aside).sorted().map { own[$0] }
      training += order.dropFirst(aside).sorted().map { own[$0] }
    }
    return (training, validation)
  }
}
