import Foundation
import VTCheckpoint
import VTCore

/// Images in folders by class: `train/<class>/...` with `val/<class>/...` and `test/<class>/...`, or `<class>/...`
/// alone. Folders inside a class folder belong to the class.
public struct ImageFolder: ImageDataSet {
  /// The folder, as it was given.
  public let path: String
  /// In the order of their labels: sorted by name.
  public let classes: [String]
  package let training: [Sample]
  package let validation: [Sample]
  /// The test images that `validation` does not hold already.
  package let test: [Sample]
  /// The folder that `validation` came from, such as `val`; nil where it was split off or there is none.
  package let validationFolder: String?
  package let testFolder: String?
  package let remarks: DataRemarks
  /// Whether the test images are the validation set even where there is a `val`.
  package let usesTestSplit: Bool
  private let content: Content

  /// What was found on disk, before images are put aside for validation.
  private struct Content: Sendable {
    var classes: [String]
    var images: [Sample]
    var validation: [Sample] = []
    var test: [Sample] = []
    var validationFolder: String?
    var testFolder: String?
    var remarks = DataRemarks()
    /// Told last.
    var unusedFolders: String?
  }

  /// Reads the names of the folder's files. No image is opened that has an image's suffix.
  /// - Parameters:
  ///   - path: the folder.
  ///   - validationFraction: how much of each class is held out for validation if the data has no validation folder.
  ///   - seed: decides that part. Fine-tuning takes the fraction and the seed of its recipe.
  ///   - usesTestSplit: whether `test` is the validation set even where there is a `val`.
  /// - Throws: `Failure` where the folder is missing, has no images or fewer than two classes.
  public init(
    _ path: String, validationFraction: Double = 0.2, seed: UInt64 = 0, usesTestSplit: Bool = false
  ) throws {
    let layout = try DataLayout(path)
    let hasTrain = layout.training != nil
    if usesTestSplit && !(hasTrain && layout.test != nil) { throw Self.noTestFolder(path) }
    var base = try ClassFolders(layout.path(layout.training))
    var content = Content(classes: base.classes, images: try base.images(order: base.classes))
    content.remarks.add(base.remarks)
    func extra(_ set: String) throws -> [Sample] {
      let (found, more) = try Self.images(of: layout.path(set), classes: content.classes, kind: set)
      content.remarks.add(more)
      return found
    }
    let chosen = hasTrain ? (usesTestSplit ? layout.test : layout.validation ?? layout.test) : nil
    if let chosen {
      content.validation = try extra(chosen)
      if chosen == layout.test && !usesTestSplit {
        content.remarks.notes.append("\(chosen)/ is the validation set, since there is no val/")
      }
    }
    content.validationFolder = chosen
    content.testFolder = hasTrain && layout.test != chosen ? layout.test : nil
    content.test = try content.testFolder.map(extra) ?? []
    if let train = layout.training, !layout.others.isEmpty {
      content.unusedFolders =
        "folders beside \(train)/ were not used: \(layout.others.prefix(5).map(\.printable).joined(separator: ", "))"
    }
    try self.init(content, path, validationFraction, seed, usesTestSplit)
  }

  private init(
    _ content: Content, _ path: String, _ fraction: Double, _ seed: UInt64, _ usesTestSplit: Bool
  ) throws {
    (self.content, self.path, self.usesTestSplit) = (content, path, usesTestSplit)
    (classes, test) = (content.classes, content.test)
    (validationFolder, testFolder) = (content.validationFolder, content.testFolder)
    (training, validation) =
      validationFolder == nil
      ? try Self.split(content.images, classes.count, fraction, seed) : (content.images, content.validation)
    var remarks = content.remarks
    let seen = Set(validation.map(\.label))
    let unseen = seen.isEmpty ? [] : classes.indices.filter { !seen.contains($0) }.map { content.classes[$0] }
    if !unseen.isEmpty {
      remarks.warnings.append(
        "there are no validation images of \(unseen.prefix(5).map(\.printable).joined(separator: ", ")): the accuracy says nothing of \(unseen.count == 1 ? "it" : "them")"
      )
    }
    if let text = content.unusedFolders { remarks.warnings.append(text) }
    remarks.close()
    self.remarks = remarks
    try check(path)
  }

  /// The same images with another part of each class put aside; where validation images have a folder of their own, the
  /// same. The folder is not read again.
  package func divided(validationFraction: Double, seed: UInt64) throws -> ImageFolder {
    try ImageFolder(content, path, validationFraction, seed, usesTestSplit)
  }

  package func data(of sample: Sample) throws -> Data { try EncodedImage.map(sample.id) }

  /// The images of a set whose classes are known.
  /// - Throws: `Failure` where the set has others.
  private static func images(of folder: String, classes: [String], kind: String) throws -> (
    [Sample], DataRemarks
  ) {
    var set = try ClassFolders(folder)
    let extra = set.classes.filter { !classes.contains($0) }
    guard extra.isEmpty else {
      let names = extra.prefix(5).map(\.printable).joined(separator: ", ")
      throw Failure(
        "the \(kind == "test" ? "test" : "validation") set has classes that the training set lacks (\(names))",
        file: folder)
    }
    return (try set.images(order: classes), set.remarks)
  }

  static func noTestFolder(_ root: String) -> Failure {
    Failure(.usage, "there is no test folder", file: root, hint: "leave out --test-split")
  }

  static func noImages(_ root: String) -> Failure {
    Failure(
      "no images found", file: root,
      hint:
        "put \(ImageKind.list) files into one folder per class: \(root)/<class>/, or \(root)/train/<class>/ and \(root)/val/<class>/"
    )
  }

  private func check(_ root: String) throws {
    guard !training.isEmpty else { throw Self.noImages(root) }
    guard classes.count >= 2 else {
      throw Failure(
        "only one class ('\(classes[0].printable)'): there is nothing to tell apart", file: root,
        hint: "put the images of each class into a folder of its own")
    }
    let counts = classes.indices.map { label in training.count { $0.label == label } }
    let empty = zip(classes, counts).filter { $0.1 == 0 }.map(\.0)
    guard empty.isEmpty else {
      throw Failure(
        "classes without training images (\(empty.prefix(5).map(\.printable).joined(separator: ", ")))",
        file: root, hint: "add images or remove the folders")
    }
  }

  /// Puts the same part of every class aside, at least one image of each that has two.
  private static func split(
    _ images: [Sample], _ classes: Int, _ fraction: Double, _ seed: UInt64
  ) throws -> ([Sample], [Sample]) {
    guard fraction >= 0, fraction < 1 else {
      throw Failure(.usage, "the validation fraction \(fraction) is not in 0..<1")
    }
    var (training, validation): ([Sample], [Sample]) = ([], [])
    for label in 0..<classes {
      let own = images.filter { $0.label == label }
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
