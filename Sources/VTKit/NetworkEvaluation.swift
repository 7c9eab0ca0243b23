import VTConversion
import VTCore
import VTData
import VTModels
import VTTraining

/// How a network is measured.
package struct EvaluationOptions {
  package var batchSize = 32
  /// Whether the test images are measured even where there are validation images.
  package var usesTestSplit = false
  /// Whether images are measured that the network was trained on.
  package var includesTraining = false
  /// Whether the network's answers for an image and its mirror image are averaged.
  package var augments = false
  /// Whether an image that cannot be read ends the evaluation.
  package var isStrict = false
  package var classes = ClassNames()
  package var preprocessing = PreprocessingChanges()

  package init() {}
}

extension Network {
  /// Measures the network on the images of a data folder: its validation images (`val/<class>/`), or else its test
  /// images, or else all that the network was not trained on, as far as the file tells.
  /// - Parameters:
  ///   - folder: as for fine-tuning. Its classes are the network's.
  ///   - watch: called with what was assumed, with images that cannot be read, and with how many are done.
  /// - Returns: accuracy, loss and the prediction for each image.
  /// - Throws: `Failure` where the folder's classes are not the network's, or no image can be read.
  public func evaluate(on folder: String, watch: (VerbEvent) -> Void = { _ in }) throws -> Evaluation {
    try evaluate(on: folder, EvaluationOptions(), watch: watch).result
  }

  /// - Returns: also the images that were measured, and what to know of them.
  package func evaluate(on data: String, _ options: EvaluationOptions, watch: (VerbEvent) -> Void) throws -> (
    result: Evaluation, set: EvaluationSet
  ) {
    let model = try model()
    guard model.numClasses > 0 else {
      throw Failure("the network has no classifier", file: path, hint: "give it one with 'vtkit finetune'")
    }
    let names = try options.classes.names(own: classes, count: model.numClasses, tell: watch)
    let set = try EvaluationSet(
      data, classes: names, usesTestSplit: options.usesTestSplit,
      record: loaded.metadata.data.map { try TrainingRecord($0) }, includesTraining: options.includesTraining)
    try checkClasses(set.classes, areNamed: names != nil, data, watch)
    set.remarks.notes.forEach { watch(.note($0)) }
    set.remarks.warnings.forEach { watch(.warning($0)) }
    let (steps, note) = try options.preprocessing.applied(to: self)
    if let note { watch(.note(note)) }
    for note in options.preprocessing.unsettled(loaded.notes) { watch(note.event) }
    let result = try Evaluation.run(
      model, set.samples, of: set, preprocessing: steps, batchSize: options.batchSize, engine: usedEngine(),
      strict: options.isStrict, views: options.augments ? ImageView.augmented : [.asIs]
    ) { done in
      watch(.progress(done: done, of: set.samples.count))
      return true
    }
    tellUnreadable(result, set, watch)
    guard result.count > 0 else { throw Failure("no image could be read", file: data) }
    return (result, set)
  }

  private func checkClasses(
    _ classes: [String], areNamed: Bool, _ data: String, _ watch: (VerbEvent) -> Void
  ) throws {
    guard classes.count == classCount else {
      throw Failure(
        "the network tells \(classCount) classes apart, the folder has \(classes.count)",
        file: data,
        hint:
          "give the data set that the network was tuned on, or name the network's classes with --classes FILE"
      )
    }
    if areNamed { return }
    let order =
      classes.prefix(5).map(\.printable).joined(separator: ", ") + (classes.count > 5 ? ", ..." : "")
    watch(
      .note(
        "the file does not name its classes; their order is taken to be the folders' (\(order)): --classes FILE tells it"
      ))
  }

  private func tellUnreadable(_ result: Evaluation, _ set: EvaluationSet, _ watch: (VerbEvent) -> Void) {
    if result.failures.isEmpty { return }
    for failure in result.failures { watch(.warning(failure.description + " (skipped)")) }
    watch(.warning(Evaluation.unreadable(result.failures.count)))
    if result.count == 0 { return }
    for (label, name) in set.classes.enumerated() {
      let own = set.samples.filter { $0.label == label }
      if !own.isEmpty, !result.predictions.contains(where: { $0.label == label }) {
        watch(.warning("no image of '\(name.printable)' could be read (\(own.count.counted("image")))"))
      }
    }
  }
}

extension Evaluation {
  /// The warning about images that could not be decoded.
  package static func unreadable(_ count: Int) -> String {
    "\(count.counted("image")) could not be read and \(count == 1 ? "was" : "were") skipped"
  }
}
