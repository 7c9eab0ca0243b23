import VTCheckpoint
import VTCore
import VTData
import VTTensor
import VTTraining

/// What a new run says of its images and its classifier.
extension Finetune {
  /// How many images there are, and where the sets come from.
  static func summary(_ data: ImageFolder) -> String {
    var text =
      "\(data.classes.count) classes, \(data.training.count) training and \(data.validation.count.counted("validation image"))"
    if let folder = data.validationFolder {
      text += " (\(folder)/)"
    } else if !data.validation.isEmpty {
      text += " (put aside)"
    }
    return text
      + (data.testFolder.map { ", \(data.test.count.counted("test image")) (\($0)/) for the end" } ?? "")
  }

  /// The rows of the checkpoint's classifier for the folder's classes (nil for a new classifier), and what to say of it.
  func classifierRows(_ metadata: NativeMetadata, _ classes: [String]) throws -> ([Int]?, String) {
    let count = metadata.configuration["num_classes"]?.int ?? 0
    let own = count > 0 ? try classNames.names(own: metadata.classes, count: count) : nil
    let untrained = "classifier: new, untrained (\(classes.count) classes)"
    if fromScratch || newHead { return (nil, untrained) }
    guard let rows = HeadReplacement.rows(of: classes, in: own) else {
      return (
        nil,
        untrained
          + (count > 0 ? "; the checkpoint's, of \(count.counted("class", "classes")), is dropped" : "")
      )
    }
    let order = rows == Array(rows.indices) ? "" : ", its rows put into the order of the folders"
    let source = classNames.file.map { "as \($0) names them" } ?? "as the checkpoint names them"
    return (rows, "classifier: kept (\(classes.count) classes, \(source))\(order)")
  }

  /// Refuses a run folder among the images, where it would count as a class, and one that holds its own checkpoint,
  /// which a new run would remove.
  func checkPlaces(_ output: String) throws {
    func isInside(_ path: String?, _ folder: String?) -> Bool {
      guard let path = path?.absolutePath, let folder = folder?.absolutePath else { return false }
      return path == folder || path.hasPrefix(folder.hasSuffix("/") ? folder : folder + "/")
    }
    guard !isInside(output, data) else {
      throw Failure(
        .usage, "the run folder lies among the images", file: output, hint: "choose another --output")
    }
    guard !isInside(checkpoint, output) else {
      throw Failure(
        .usage, "the run folder holds the checkpoint, which a new run would remove", file: output,
        hint: "choose another --output")
    }
  }

  /// Refuses an image that cannot be read before a run folder is made for it (`--strict-data`).
  static func checkReadable(_ data: ImageFolder, _ metadata: NativeMetadata, _ engine: Engine) throws {
    guard let own = metadata.preprocessing else { return }
    let steps = try Preprocessing(own)
    let images = data.training + data.validation + data.test
    let bar = ProgressBar("checking the images", total: images.count)
    let loader = BatchLoader(
      items: images, batchSize: 16, preprocessing: steps, threads: engine.threads.threads
    ) { file, _ in try steps.evaluationImage(file.image()) }
    var done = 0
    while let batch = loader.next() {
      if let failure = batch.failures.first {
        bar.finish()
        throw failure
      }
      done += batch.count
      bar.show(done)
    }
    bar.finish()
  }

  /// Warns of what may be wrong with the data.
  func tell(_ data: ImageFolder, earlier: TrainingRecord?) {
    Console.tell(data.remarks)
    if data.validation.isEmpty {
      Console.warning("there are no validation images: the last epoch counts as the best")
    }
    let seen = earlier.map { earlier in data.validation.count { earlier.holds($0) == true } } ?? 0
    if seen > 0 {
      Console.warning(
        "\(seen) of \(data.validation.count.counted("validation image")) \(seen == 1 ? "was" : "were") trained on before, in the checkpoint's own training: the accuracy says little (the same --seed and --val-fraction keep them apart)"
      )
    }
  }
}
