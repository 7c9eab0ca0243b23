import VTConversion
import VTCore
import VTData
import VTModels
import VTTraining

/// How images are classified.
package struct ClassificationOptions {
  /// How many answers an image gets.
  package var top = 5
  /// Whether the answers for an image and its mirror image are averaged.
  package var augments = false
  package var classes = ClassNames()
  package var preprocessing = PreprocessingChanges()

  package init() {}
}

extension Network {
  /// What an image shows.
  /// - Parameters:
  ///   - image: a JPEG, PNG, WebP, BMP, TIFF or GIF file.
  ///   - top: how many answers to give.
  /// - Returns: the likeliest classes, the first of them the likeliest.
  /// - Throws: `Failure` where the image cannot be read, or the network has no classifier.
  public func classify(_ image: String, top: Int = 5) throws -> [Answer] {
    try classify([image], top: top)[0].answers
  }

  /// What images show, several at a time.
  /// - Parameters:
  ///   - images: JPEG, PNG, WebP, BMP, TIFF or GIF files.
  ///   - top: how many answers an image gets.
  /// - Returns: the predictions, in the order of the images.
  /// - Throws: `Failure` where an image cannot be read, or the network has no classifier.
  public func classify(_ images: [String], top: Int = 5) throws -> [Prediction] {
    guard top >= 1 else { throw Failure(.usage, "an image gets at least one answer (top is \(top))") }
    var options = ClassificationOptions()
    options.top = top
    var result: [Prediction] = []
    try classify(images, options, unreadable: { throw $0 }, each: { result.append($0) })
    return result
  }

  /// - Parameters:
  ///   - tell: called with what was assumed, once an image could be read.
  ///   - unreadable: called with an image that cannot be read.
  ///   - each: given the prediction for each of the others, in order.
  package func classify(
    _ files: [String], _ options: ClassificationOptions, tell: (VerbEvent) throws -> Void = { _ in },
    unreadable: (Failure) throws -> Void, each: (Prediction) throws -> Void
  ) throws {
    let model = try model()
    guard model.numClasses > 0 else {
      throw Failure(
        "the network has no classifier", file: path,
        hint: "give it one with 'vtkit finetune', or take its features with --tensor")
    }
    let classes = try options.classes.names(own: self.classes, count: model.numClasses, tell: tell)
    let (steps, note) = try options.preprocessing.applied(to: self)
    if let note { try tell(.note(note)) }
    var isFirst = true
    let images = ImageFiles(files)
    try ImageBatches.run(
      model, images.samples, of: images, preprocessing: steps, batchSize: 16,
      engine: usedEngine(), views: options.augments ? ImageView.augmented : [.asIs]
    ) { batch, output in
      for failure in batch.failures { try unreadable(failure) }
      guard let output else { return true }
      if isFirst { for note in options.preprocessing.unsettled(loaded.notes) { try tell(note.event) } }
      isFirst = false
      let logits = output.logits.values
      for (row, position) in batch.positions.enumerated() {
        let values = logits[row * model.numClasses..<(row + 1) * model.numClasses]
        try each(
          Prediction(image: files[position], logits: Array(values), classes: classes, top: options.top))
      }
      return true
    }
  }
}
