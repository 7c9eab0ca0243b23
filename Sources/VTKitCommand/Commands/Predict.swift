import ArgumentParser
import Foundation
import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels
import VTTensor

struct Predict: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells what images show, or computes a network's raw outputs.",
    discussion: """
      Example: vtkit predict --checkpoint tuned.npz --top 3 cat.jpg
               vtkit predict --checkpoint tuned.npz --top 1 --output labels.csv holiday/

      An image that cannot be read is told, and the others are answered; the exit code is then 1. The table has the \
      columns image, rank, class, index and probability, one row an answer; .jsonl has one JSON object an image.

      With --tensor, a NumPy archive's `input` (float32 [N, 3, H, W], normalized) goes through the network, and \
      `logits` [N, classes] and `grid` [N, k, k, D] are written to --output.
      """)

  @Option(help: ArgumentHelp("The weights.", valueName: "path"))
  var checkpoint: String

  @Argument(help: "Images, and folders of images (with the folders inside).")
  var images: [String] = []

  @Option(help: ArgumentHelp("How many classes to show.", valueName: "n"))
  var top = 5

  @Flag(help: "Write JSON.")
  var json = false

  @Option(help: ArgumentHelp("An .npz with the input tensor, in place of images.", valueName: "file"))
  var tensor: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Where the answers go: a .csv or .jsonl file; with --tensor, an .npz.", valueName: "file"))
  var output: String?

  @Flag(help: "Replace the output where it exists.")
  var force = false

  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var classNames: ClassArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup var engineArguments: EngineArguments

  func validate() throws {
    if top < 1 { throw ValidationError("--top must be at least 1.") }
    if tensor != nil {
      guard images.isEmpty else { throw ValidationError("Give images or --tensor, not both.") }
      guard output != nil else { throw ValidationError("--tensor needs --output FILE.npz.") }
    } else {
      guard !images.isEmpty else { throw ValidationError("Give at least one image, or --tensor.") }
      if let output, !PredictionFile.isKnown(output) {
        throw ValidationError("--output is a .csv or .jsonl file for images, an .npz for --tensor.")
      }
    }
  }

  func run() throws {
    if let output {
      try OutputFile.check(output, overwrite: force)
      try OutputFile.checkFolder(of: output)
      if tensor != nil, !output.lowercased().hasSuffix(".npz") {
        throw Failure(.usage, "--tensor's outputs are written as NumPy's .npz", file: output)
      }
    }
    let loaded = try load.load(checkpoint)
    let files = try ImageArguments.files(images)
    let engine = engineArguments.engine()
    let model = try loaded.finiteModel(engine: engine, path: checkpoint)
    if let tensor, let output {
      try predictTensor(tensor, output, model, loaded, engine)
    } else {
      try predictImages(files, model, loaded, engine)
    }
  }

  // MARK: Tensors

  private func predictTensor(
    _ input: String, _ output: String, _ model: any VisionModel, _ loaded: LoadedCheckpoint,
    _ engine: Engine
  ) throws {
    let store = try CheckpointFile.open(input)
    guard let tensor = store["input"] else {
      throw Failure("the archive has no member 'input'", file: input)
    }
    let channels = model.inChannels
    let size = model.imageSize
    guard tensor.shape.count == 4, tensor.shape[0] > 0,
      Array(tensor.shape[1...]) == [channels, size, size]
    else {
      throw Failure(
        "the input is \(tensor.shape), the network wants [N, \(channels), \(size), \(size)]",
        file: input, tensor: "input")
    }
    let values = try tensor.floats()
    guard values.allSatisfy(\.isFinite) else {
      throw Failure(.no, "the input holds numbers that are not finite", file: input, tensor: "input")
    }
    // The input is as the network wants it.
    Console.notes(loaded.notes.filter { $0.key != "preprocessing" })
    let count = tensor.shape[0]
    var (logits, grid): ([Float], [Float]) = ([], [])
    let one = channels * size * size
    // A few at a time, so that memory does not grow with N.
    for first in stride(from: 0, to: count, by: 16) {
      let batch = min(16, count - first)
      let images = engine.images(
        nchw: values[first * one..<(first + batch) * one], [batch, channels, size, size])
      let result = model.forward(images, Tape(engine, recording: false))
      try result.checkFinite { "image \(first + $0) of \(input)" }
      logits += result.logits.values
      grid += result.finalGrid.values
    }
    let side = model.finalGridSide
    let name = model.numClasses == 0 ? "features" : "logits"
    let width = logits.count / count
    let outputs = try StateDict([
      StoredTensor(name: name, shape: [count, width], values: logits),
      StoredTensor(name: "grid", shape: [count, side, side, model.finalGridChannels], values: grid),
    ])
    try CheckpointFile.write(outputs, to: output, overwrite: force)
    print(
      "\(output): \(name) [\(count), \(width)], grid [\(count), \(side), \(side), \(model.finalGridChannels)]"
    )
  }

  // MARK: Images

  private func predictImages(
    _ files: [String], _ model: any VisionModel, _ loaded: LoadedCheckpoint, _ engine: Engine
  ) throws {
    let metadata = loaded.metadata
    guard model.numClasses > 0 else {
      throw Failure(
        "the network has no classifier", file: checkpoint,
        hint: "give it one with 'vtkit finetune', or take its features with --tensor")
    }
    let classes = try classNames.names(own: metadata.classes, count: model.numClasses)
    let steps = try preprocessing.resolve(
      metadata.preprocessing, architecture: model.architecture, imageSize: model.imageSize,
      channels: model.inChannels)
    let items = files.map { Sample(path: $0, label: 0) }
    let loader = BatchLoader(
      items: items, batchSize: 16, preprocessing: steps, threads: engine.threads.threads
    ) { file, _ in try steps.evaluationImage(file.image()) }
    var predictions: [Prediction] = []
    var failures: [Failure] = []
    while let batch = loader.next() {
      for failure in batch.failures where files.count > 1 { Console.error(failure.description) }
      failures += batch.failures
      guard batch.count > 0 else { continue }
      if predictions.isEmpty { Console.notes(preprocessing.unsettled(loaded.notes)) }
      let tape = Tape(engine, recording: false)
      let result = model.forward(engine.tensor(batch.images, batch.shape), tape)
      try result.checkFinite { files[batch.positions[$0]] }
      let logits = result.logits.values
      for (row, position) in batch.positions.enumerated() {
        let values = logits[row * model.numClasses..<(row + 1) * model.numClasses]
        let prediction = Prediction(
          image: files[position], logits: Array(values), classes: classes, top: top)
        if output == nil && !json { print(prediction.text) }
        predictions.append(prediction)
      }
    }
    try finish(predictions, failures, of: files.count)
  }

  private func finish(_ predictions: [Prediction], _ failures: [Failure], of count: Int) throws {
    if predictions.isEmpty, let failure = failures.first {
      if count == 1 { throw failure }
      throw Failure("none of the \(count) images could be read")
    }
    if let output {
      try PredictionFile.write(predictions, to: output, overwrite: force)
      if !json { print("\(output): answers for \(predictions.count.counted("image"))") }
    }
    if json { print(JSON.array(predictions.map(\.json)).text(pretty: true)) }
    if !failures.isEmpty {
      throw Failure(.no, "\(failures.count) of \(count.counted("image")) could not be read")
    }
  }
}
