import Foundation
import VTCheckpoint
import VTCore

/// Labelled images at a path: in folders by class (`train/<class>/...` with `val/<class>/...` and `test/<class>/...`,
/// or `<class>/...` alone), in an archive of such folders, in a list, or a data set as its authors ship it, such as
/// CIFAR's files. Folders inside a class folder belong to the class.
public struct ImageFolder: ImageDataSet {
  /// The path, as it was given.
  public let path: String
  /// In the order of their labels: sorted by name, or as the data set numbers them.
  public let classes: [String]
  package let training: [Sample]
  package let validation: [Sample]
  /// The test images that `validation` does not hold already.
  package let test: [Sample]
  /// The set that `validation` came from, such as `val`; nil where it was split off or there is none.
  package let validationFolder: String?
  package let testFolder: String?
  package let remarks: DataRemarks
  /// Whether the test images are the validation set even where there is a `val`.
  package let usesTestSplit: Bool
  private let content: Content
  private let sets: any LabelledSets

  /// What was found, before images are held out for validation.
  private struct Content: Sendable {
    var classes: [String]
    var images: [Sample]
    var validation: [Sample] = []
    var test: [Sample] = []
    var validationFolder: String?
    var testFolder: String?
    var remarks = DataRemarks()
  }

  /// Finds the images. No image file is opened that has an image's suffix.
  /// - Parameters:
  ///   - path: the folder, archive or list.
  ///   - validationFraction: how much of each class is held out for validation if the data has no validation set.
  ///   - seed: decides that part. Fine-tuning takes the fraction and the seed of its recipe.
  ///   - usesTestSplit: whether `test` is the validation set even where there is a `val`.
  /// - Throws: `Failure` where nothing is there, it is damaged, has no images or fewer than two classes.
  public init(
    _ path: String, validationFraction: Double = 0.2, seed: UInt64 = 0, usesTestSplit: Bool = false
  ) throws {
    try self.init(
      DataSetKind.sets(at: path), validationFraction: validationFraction, seed: seed,
      usesTestSplit: usesTestSplit
    )
  }

  init(
    _ sets: any LabelledSets, validationFraction: Double, seed: UInt64, usesTestSplit: Bool
  ) throws {
    let hasTrain = sets.training != nil
    if usesTestSplit && !(hasTrain && sets.test != nil) { throw Self.noTestFolder(sets.path) }
    var base = try sets.set(sets.training)
    var content = Content(classes: base.classes, images: try base.images(order: base.classes))
    content.remarks = sets.remarks
    content.remarks.add(base.remarks)
    func extra(_ set: String) throws -> [Sample] {
      let (found, more) = try Self.images(
        of: sets.set(set), classes: content.classes, kind: set, place: sets.place(of: set))
      content.remarks.add(more)
      return found
    }
    let chosen = hasTrain ? (usesTestSplit ? sets.test : sets.validation ?? sets.test) : nil
    if let chosen {
      content.validation = try extra(chosen)
      if chosen == sets.test && !usesTestSplit {
        content.remarks.notes.append(
          "\(sets.title(of: chosen)) is the validation set, since there is no \(sets.title(of: "val"))")
      }
    }
    content.validationFolder = chosen
    content.testFolder = hasTrain && sets.test != chosen ? sets.test : nil
    content.test = try content.testFolder.map(extra) ?? []
    try self.init(content, sets, validationFraction, seed, usesTestSplit)
  }

  private init(
    _ content: Content, _ sets: any LabelledSets, _ fraction: Double, _ seed: UInt64, _ usesTestSplit: Bool
  ) throws {
    (self.content, self.sets, path, self.usesTestSplit) = (content, sets, sets.path, usesTestSplit)
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
        "there are no validation images of \(unseen.prefix(5).map(\.printable).joined(separator: ", ")): the accuracy does not cover \(unseen.count == 1 ? "it" : "them")"
      )
    }
    if let text = sets.unused { remarks.warnings.append(text) }
    remarks.close()
    self.remarks = remarks
    try check()
  }

  /// The same images with another fraction of each class held out; if validation images have a set of their own, the
  /// same. Nothing is read again.
  package func divided(validationFraction: Double, seed: UInt64) throws -> ImageFolder {
    try ImageFolder(content, sets, validationFraction, seed, usesTestSplit)
  }

  package var kind: String { sets.kind }
  package var isOnDisk: Bool { !(sets.contents is ProgramImages) }
  package var areFiles: Bool { sets.contents.areFiles }
  package func title(of set: String) -> String { sets.title(of: set) }
  package func data(of sample: Sample) throws -> Data { try sets.contents.data(of: sample) }
  package func image(of sample: Sample) throws -> EncodedImage { try sets.contents.image(of: sample) }
  package func digest(of sample: Sample) -> UInt32? { sets.contents.digest(of: sample) }

  /// The images of a set whose classes are known.
  /// - Throws: `Failure` where the set has others.
  private static func images(
    of set: any LabelledSet, classes: [String], kind: String, place: String
  ) throws -> ([Sample], DataRemarks) {
    var set = set
    let known = Set(classes)
    let extra = set.classes.filter { !known.contains($0) }
    guard extra.isEmpty else {
      let names = extra.prefix(5).map(\.printable).joined(separator: ", ")
      throw Failure(
        "the \(kind == "test" ? "test" : "validation") set has classes that the training set lacks (\(names))",
        file: place)
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

  private func check() throws {
    guard !training.isEmpty else { throw Self.noImages(path) }
    guard classes.count >= 2 else {
      throw Failure(
        "only one class ('\(classes[0].printable)'); classification needs at least two", file: path,
        hint: "put the images of each class into a folder of its own")
    }
    let seen = Set(training.map(\.label))
    let empty = classes.indices.filter { !seen.contains($0) }.map { classes[$0] }
    guard empty.isEmpty else {
      throw Failure(
        "classes without training images (\(empty.prefix(5).map(\.printable).joined(separator: ", ")))",
        file: path, hint: "add images or remove the \(sets is FolderSets ? "folders" : "classes")")
    }
  }

  /// Holds out the same fraction of every class, at least one image of each that has two.
  private static func split(
    _ images: [Sample], _ classes: Int, _ fraction: Double, _ seed: UInt64
  ) throws -> ([Sample], [Sample]) {
    guard fraction >= 0, fraction < 1 else {
      throw Failure(.usage, "the validation fraction \(fraction) is not in 0..<1")
    }
    var (training, validation): ([Sample], [Sample]) = ([], [])
    var byClass = [[Sample]](repeating: [], count: classes)
    for image in images { byClass[image.label].append(image) }
    for (label, own) in byClass.enumerated() {
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
