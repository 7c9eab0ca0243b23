import Foundation
import VTCheckpoint
import VTCore

/// The images on which a network is measured.
package struct EvaluationSet: ImageSource {
  /// The network's classes where it names them, or else the folder's, sorted by name.
  package let classes: [String]
  package private(set) var samples: [Sample]
  /// Where they come from, for people: `val/`, or what was left out.
  package private(set) var source: String
  package private(set) var remarks: DataRemarks

  /// Takes the folder of validation images, or else that of test images, or else all; of those, what the network
  /// was not trained on.
  /// - Parameters:
  ///   - classes: the network's, in the order of its answers; nil where it does not name them.
  ///   - usesTestSplit: whether the test images are taken even where there are validation images.
  ///   - record: what the network was trained on, where that is known.
  ///   - includesTraining: whether images that were trained on are measured too.
  /// - Throws: `Failure` where the folder has classes that the network lacks, or no images.
  package init(
    _ root: String, classes: [String]?, usesTestSplit: Bool = false, record: TrainingRecord? = nil,
    includesTraining: Bool = false
  ) throws {
    let layout = try DataLayout(root)
    if usesTestSplit && layout.test == nil { throw ImageFolder.noTestFolder(root) }
    let set = usesTestSplit ? layout.test : layout.validation ?? layout.test
    let folder = layout.path(set ?? layout.training)
    var base = try ClassFolders(folder)
    let known = classes ?? base.classes
    let unknown = base.classes.filter { !known.contains($0) }
    guard unknown.isEmpty else { throw Self.unknownClasses(unknown, known, folder) }
    samples = try base.images(order: known)
    guard !samples.isEmpty else { throw ImageFolder.noImages(folder) }
    self.classes = known
    source = (set ?? layout.training).map { "\($0)/" } ?? "all images of the folder"
    remarks = base.remarks
    remarks.close()
    if includesTraining, !usesTestSplit, set != nil, let training = layout.training {
      // Everything: the other sets too.
      var names = ["\(set ?? "")/"]
      for other in [layout.validation, layout.test, training].compactMap({ $0 }) where other != set {
        var folder = try ClassFolders(layout.path(other))
        let unknown = folder.classes.filter { !known.contains($0) }
        guard unknown.isEmpty else { throw Self.unknownClasses(unknown, known, layout.path(other)) }
        samples += try folder.images(order: known)
        names.append("\(other)/")
      }
      source = names.joined(separator: ", ")
    }
    guard let record else { return }
    if set != nil || includesTraining {
      tellTrained(record)
    } else {
      leaveOutTrained(record, root)
    }
  }

  package func data(of sample: Sample) throws -> Data { try EncodedImage.map(sample.id) }

  private static func unknownClasses(_ unknown: [String], _ known: [String], _ folder: String) -> Failure {
    Failure(
      "the folder has classes that the network lacks (\(unknown.prefix(5).map(\.printable).joined(separator: ", ")))",
      file: folder,
      hint:
        "give the data set that the network was tuned on, or one of its classes (the network's first: \(known.prefix(3).map(\.printable).joined(separator: ", "))), or name the network's classes with --classes FILE"
    )
  }

  /// Warns of training images among those that are measured.
  private mutating func tellTrained(_ record: TrainingRecord) {
    let known = samples.compactMap { record.holds($0, of: self) }
    let trained = known.count { $0 }
    guard trained > 0 else { return }
    let share =
      record.isComplete
      ? "\(trained)"
      : "about \(Int((Double(trained) / Double(known.count) * Double(samples.count)).rounded()))"
    remarks.warnings.append(
      "\(share) of \(samples.count == 1 ? "this 1 image" : "these \(samples.count) images") \(trained == 1 ? "is a training image: the network was trained on it" : "are training images: the network was trained on them"), and the accuracy says little about others"
    )
  }

  private mutating func leaveOutTrained(_ record: TrainingRecord, _ root: String) {
    if let validation = record.validation(of: root) {
      let left = samples.count - validation.count
      // Labels are those of the network's classes here.
      let names = Set(validation.map(\.id))
      samples = samples.filter { names.contains($0.id) }
      source =
        "the \(samples.count == 1 ? "1 image that was" : "\(samples.count) images that were") put aside for validation; \(left) that the network was trained on are left out (--all measures them too)"
      return
    }
    let fresh = samples.filter { record.holds($0, of: self) != true }
    let trained = samples.count - fresh.count
    if trained > 0 && record.isComplete && !fresh.isEmpty {
      samples = fresh
      source =
        "the \(fresh.count.counted("image")) that the network was not trained on; \(trained.counted("training image")) \(trained == 1 ? "is" : "are") left out (--all measures them too)"
    } else {
      tellTrained(record)
    }
  }
}
