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
  private let contents: any ImageContents

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
    let sets = try DataSetKind.sets(at: root)
    contents = sets.contents
    if usesTestSplit && sets.test == nil { throw ImageFolder.noTestFolder(root) }
    let set = usesTestSplit ? sets.test : sets.validation ?? sets.test
    let chosen = set ?? sets.training
    var base = try sets.set(chosen)
    let known = classes ?? base.classes
    try Self.check(base.classes, known, sets, chosen)
    samples = try base.images(order: known)
    guard !samples.isEmpty else { throw ImageFolder.noImages(sets.place(of: chosen)) }
    self.classes = known
    source =
      chosen.map { sets.title(of: $0) } ?? "all images of the \(sets is FolderSets ? "folder" : "data set")"
    remarks = sets.remarks
    remarks.add(base.remarks)
    remarks.close()
    if includesTraining, !usesTestSplit, let set, let training = sets.training {
      // Everything: the other sets too.
      var names = [sets.title(of: set)]
      for other in [sets.validation, sets.test, training].compactMap({ $0 }) where other != set {
        var more = try sets.set(other)
        try Self.check(more.classes, known, sets, other)
        samples += try more.images(order: known)
        names.append(sets.title(of: other))
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

  package var areFiles: Bool { contents.areFiles }
  package func data(of sample: Sample) throws -> Data { try contents.data(of: sample) }
  package func image(of sample: Sample) throws -> EncodedImage { try contents.image(of: sample) }

  /// - Throws: `Failure` where a set has classes that the network lacks.
  private static func check(
    _ classes: [String], _ known: [String], _ sets: any LabelledSets, _ set: String?
  ) throws {
    let names = Set(known)
    let unknown = classes.filter { !names.contains($0) }
    if unknown.isEmpty { return }
    throw Failure(
      "the \(sets is FolderSets ? "folder" : "data set") has classes that the network lacks (\(unknown.prefix(5).map(\.printable).joined(separator: ", ")))",
      file: sets.place(of: set),
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
        "the \(samples.count == 1 ? "1 image that was" : "\(samples.count) images that were") held out for validation; \(left) that the network was trained on are left out (--all measures them too)"
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
