import VTCore

/// The sets of labelled images at a path, as they are there, before any are held out for validation.
protocol LabelledSets: Sendable {
  /// What it is, for people.
  var kind: String { get }
  /// As it was given.
  var path: String { get }
  /// What the sets are called; all nil where images are in no set.
  var training: String? { get }
  var validation: String? { get }
  var test: String? { get }
  /// Gives the images' contents.
  var contents: any ImageContents { get }
  /// A warning of what lies beside the sets and is not used.
  var unused: String? { get }
  /// What is to be known of the whole.
  var remarks: DataRemarks { get }

  /// The images of a set; with nil, those that are in none.
  func set(_ name: String?) throws -> any LabelledSet
  /// Where a set lies, for messages.
  func place(of set: String?) -> String
  /// What people call a set.
  func title(of set: String) -> String
}

/// Labelled images of one set.
protocol LabelledSet {
  /// In the order of their labels.
  var classes: [String] { get }
  var remarks: DataRemarks { get }

  /// The images, labelled by the place of their class in `order`; classes that `order` lacks are left out.
  mutating func images(order: [String]) throws -> [Sample]
}

/// What a set is for.
enum SetRole: String, CaseIterable {
  case training, validation, test

  /// By the usual names, in capitals or not.
  init?(_ name: String) {
    switch name.lowercased() {
    case "train", "training": self = .training
    case "val", "valid", "validation": self = .validation
    case "test", "testing": self = .test
    default: return nil
    }
  }
}

/// Images in folders by class.
struct FolderSets: LabelledSets {
  let kind = "folders of images by class"
  let contents: any ImageContents = FileContents()
  let remarks = DataRemarks()
  private let layout: DataLayout

  init(_ path: String) throws { layout = try DataLayout(path) }

  var path: String { layout.root }
  var training: String? { layout.training }
  var validation: String? { layout.validation }
  var test: String? { layout.test }

  var unused: String? {
    guard let train = layout.training, !layout.others.isEmpty else { return nil }
    return
      "folders beside \(train)/ were not used: \(layout.others.prefix(5).map(\.printable).joined(separator: ", "))"
  }

  func set(_ name: String?) throws -> any LabelledSet { try ClassFolders(layout.path(name)) }
  func place(of set: String?) -> String { layout.path(set) }
  func title(of set: String) -> String { set + "/" }
}

/// A data set that was read as a whole.
struct FoundSets: LabelledSets {
  let kind: String
  let path: String
  let contents: any ImageContents
  var remarks = DataRemarks()
  let unused: String? = nil
  /// By role; nil is for images in no set.
  private var sets: [SetRole?: FoundSet] = [:]

  init(_ kind: String, _ path: String, _ contents: any ImageContents) {
    (self.kind, self.path, self.contents) = (kind, path, contents)
  }

  subscript(role: SetRole?) -> FoundSet? {
    get { sets[role] }
    set { sets[role] = newValue }
  }

  var training: String? { sets[.training]?.name }
  var validation: String? { sets[.validation]?.name }
  var test: String? { sets[.test]?.name }

  func set(_ name: String?) throws -> any LabelledSet {
    if let found = sets.values.first(where: { $0.name == name && name != nil }) ?? sets[nil] { return found }
    let names = sets.values.map(\.name).sorted().joined(separator: ", ")
    throw Failure(
      "there are no training images, only \(names)", file: path,
      hint: "measure a network on them: vtkit evaluate")
  }

  func place(of set: String?) -> String { path }
  func title(of set: String) -> String { set }
}

/// One set of such a data set.
struct FoundSet: LabelledSet, Sendable {
  let name: String
  let classes: [String]
  /// Their labels are places in `classes`.
  let samples: [Sample]
  let remarks = DataRemarks()

  init(_ name: String, classes: [String], _ samples: [Sample]) {
    (self.name, self.classes, self.samples) = (name, classes, samples)
  }

  func images(order: [String]) throws -> [Sample] {
    if order == classes { return samples }
    var places: [String: Int] = [:]
    for (place, name) in order.enumerated() where places.updateValue(place, forKey: name) != nil {
      guard classes.contains(name) else { continue }
      throw ClassFolders.twice(name, nil)
    }
    let labels = classes.map { places[$0] }
    return samples.compactMap { sample in labels[sample.label].map { sample.labelled($0) } }
  }
}
