import ArgumentParser
import VTCheckpoint
import VTCore
import VTKit

struct Predict: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Classifies images, or computes a network's raw outputs.",
    discussion: """
      Example: vtkit predict --checkpoint tuned.npz --top 3 cat.jpg
               vtkit predict --checkpoint tuned.npz --top 1 --output labels.csv holiday/

      An image that cannot be read is reported and the others are classified; the exit code is then 1. The table has the \
      columns image, rank, class, index and probability, one row per answer; .jsonl has one JSON object per image.

      With --tensor, a NumPy archive's `input` (float32 [N, 3, H, W], normalized) goes through the network, and \
      `logits` [N, classes] and `grid` [N, k, k, D] are written to --output.
      """)

  @Argument(help: "Images, and folders of images (with the folders inside).", completion: .file())
  var images: [String] = []

  @OptionGroup(title: "Input and output") var files: PredictionArguments
  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var classNames: ClassArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup(title: "Computing") var engineArguments: EngineArguments

  func validate() throws {
    if files.tensor != nil {
      if files.testTimeAugmentation { throw ValidationError("--test-time-augmentation is for images.") }
      guard images.isEmpty else { throw ValidationError("Give images or --tensor, not both.") }
      guard files.output != nil else { throw ValidationError("--tensor needs --output FILE.npz.") }
    } else {
      guard !images.isEmpty else { throw ValidationError("Give at least one image, or --tensor.") }
      if let output = files.output, !PredictionFile.isKnown(output) {
        throw ValidationError("--output is a .csv or .jsonl file for images, an .npz for --tensor.")
      }
    }
  }

  func run() throws {
    if let output = files.output {
      try OutputFile.check(output, overwrite: files.force)
      try OutputFile.checkFolder(of: output)
      if files.tensor != nil, !output.lowercased().hasSuffix(".npz") {
        throw Failure(.usage, "--tensor's outputs are written as NumPy's .npz", file: output)
      }
    }
    var network = try load.network(files.checkpoint)
    let paths = try ImagePaths.files(images) { Console.tell($0) }
    network.engine = engineArguments.engine()
    if let tensor = files.tensor, let output = files.output {
      try predictTensor(tensor, output, network)
    } else {
      try predictImages(paths, network)
    }
  }

  private func predictTensor(_ input: String, _ output: String, _ network: Network) throws {
    let outputs = try TensorOutputs(of: network, input: input).tensors
    // The input is preprocessed already.
    Console.notes(network.loaded.notes.filter { $0.key != "preprocessing" })
    try CheckpointFile.write(outputs, to: output, overwrite: files.force)
    print("\(output): " + outputs.tensors.map { "\($0.name) \($0.shape)" }.joined(separator: ", "))
  }

  private func predictImages(_ paths: [String], _ network: Network) throws {
    var options = ClassificationOptions()
    (options.top, options.classes) = (files.top, classNames.names)
    options.preprocessing = preprocessing.changes
    options.augments = files.testTimeAugmentation
    var (predictions, failures): ([Prediction], [Failure]) = ([], [])
    try network.classify(paths, options, tell: { Console.tell($0) }) { failure in
      if paths.count > 1 { Console.error(failure.description) }
      failures.append(failure)
    } each: { prediction in
      if files.output == nil && !files.json { print(prediction.text) }
      predictions.append(prediction)
    }
    try finish(predictions, failures, of: paths.count)
  }

  private func finish(_ predictions: [Prediction], _ failures: [Failure], of count: Int) throws {
    if predictions.isEmpty, let failure = failures.first {
      if count == 1 { throw failure }
      throw Failure("none of the \(count) images could be read")
    }
    if let output = files.output {
      try PredictionFile.write(predictions, to: output, overwrite: files.force)
      if !files.json { print("\(output): answers for \(predictions.count.counted("image"))") }
    }
    if files.json { print(JSON.array(predictions.map(\.json)).text(pretty: true)) }
    if !failures.isEmpty {
      throw Failure(.no, "\(failures.count) of \(count.counted("image")) could not be read")
    }
  }
}

extension Prediction {
  /// The image, and a line for each answer.
  var text: String {
    let lines = answers.map { answer in
      let percent = Format.percent(answer.probability)
      return "  " + String(repeating: " ", count: max(0, 9 - percent.count)) + percent + "  "
        + answer.label.printable
    }
    return ([image.printable] + lines).joined(separator: "\n")
  }
}
