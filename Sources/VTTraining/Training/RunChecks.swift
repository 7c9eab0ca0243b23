import VTCheckpoint
import VTCore
import VTData
import VTTensor

/// What is checked and told of a run's folders and images before it begins.
package enum RunChecks {
  /// Refuses a run folder among the images, where it would count as a class, and one that holds its own checkpoint,
  /// which a new run would remove.
  /// - Parameter data: nil where no files hold the images.
  package static func places(run: String, data: String?, checkpoint: String?) throws {
    func isInside(_ path: String?, _ folder: String) -> Bool {
      guard let path = path?.absolutePath else { return false }
      let folder = folder.absolutePath
      return path == folder || path.hasPrefix(folder.hasSuffix("/") ? folder : folder + "/")
    }
    guard data.map({ !isInside(run, $0) }) ?? true else {
      throw Failure(
        .usage, "the run folder lies among the images", file: run, hint: "choose another --output")
    }
    guard !isInside(checkpoint, run) else {
      throw Failure(
        .usage, "the run folder holds the checkpoint, which a new run would remove", file: run,
        hint: "choose another --output")
    }
  }

  /// Refuses an image that cannot be read before a run folder is made for it (`strictData`).
  package static func everyImage(
    of data: any ImageDataSet, _ preprocessing: Preprocessing, _ engine: Engine,
    watch: (TrainingEvent) throws -> Void
  ) throws {
    let images = data.samples
    let loader = ImageBatches.loader(images, of: data, preprocessing, batchSize: 16, engine)
    var done = 0
    try watch(.checking(done: done, of: images.count))
    while let batch = loader.next() {
      if let failure = batch.failures.first { throw failure }
      done += batch.count
      try watch(.checking(done: done, of: images.count))
    }
  }

  /// Files of the same names may hold other images.
  static func contents(of data: any ImageDataSet, _ configuration: RunConfiguration) throws {
    guard let record = try configuration.metadata.data.map({ try TrainingRecord($0) }) else { return }
    let changed = data.training.filter { record.holds($0, of: data) == false }
    guard let first = changed.first else { return }
    throw Failure(
      "\(changed.count == 1 ? "1 training image has" : "\(changed.count) training images have") other contents than when the run began, the first: \(first.id.printable)",
      file: configuration.data, hint: "restore them, or start a new run")
  }

  /// Warns of what may be wrong with the data, and says how many images there are and where they come from.
  /// - Parameter earlier: what the starting weights were trained on.
  package static func tell(
    _ data: any ImageDataSet, earlier: TrainingRecord?, watch: (TrainingEvent) throws -> Void
  ) throws {
    for note in data.remarks.notes { try watch(.noted(note)) }
    for warning in data.remarks.warnings { try watch(.warned(warning)) }
    if data.validation.isEmpty {
      try watch(.warned("there are no validation images: the last epoch counts as the best"))
    }
    let seen = earlier.map { earlier in data.validation.count { earlier.holds($0, of: data) == true } } ?? 0
    if seen > 0 {
      try watch(
        .warned(
          "\(seen) of \(data.validation.count.counted("validation image")) \(seen == 1 ? "was" : "were") trained on before, in the checkpoint's own training: the accuracy says little (the same --seed and --val-fraction keep them apart)"
        ))
    }
    try watch(.told(summary(data)))
  }

  private static func summary(_ data: any ImageDataSet) -> String {
    var text =
      "\(data.classes.count) classes, \(data.training.count) training and \(data.validation.count.counted("validation image"))"
    if let folder = data.validationFolder {
      text += " (\(data.title(of: folder)))"
    } else if !data.validation.isEmpty {
      text += " (held out)"
    }
    return text
      + (data.testFolder.map {
        ", \(data.test.count.counted("test image")) (\(data.title(of: $0))) for the end"
      } ?? "")
  }
}
