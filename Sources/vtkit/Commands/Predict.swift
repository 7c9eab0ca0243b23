import ArgumentParser
import Checkpoint
import Conversion
import Datasets
import Foundation
import Tensor
import VisionModels

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tells what pictures show, or computes a network's raw outputs.",
    discussion: """
      Example: vtkit predict --checkpoint tuned.npz --top 3 cat.jpg

      With --tensor, a NumPy archive's `input` (float32 [N, 3, H, W], normalized) goes through the network, and
      `logits` [N, classes] and `grid` [N, k, k, D] are written to --output.
      """)

  @Option(help: "The weights.")
  var checkpoint: String

  @Argument(help: "Pictures (.jpg, .png).")
  var images: [String] = []

  @Option(help: "How many classes to show.")
  var top = 5

  @Flag(help: "Write JSON.")
  var json = false

  @Option(help: "An .npz with the input tensor, in place of pictures.")
  var tensor: String?

  @Option(name: .shortAndLong, help: "The .npz for --tensor's outputs.")
  var output: String?

  @Flag(help: "Replace the output where it exists.")
  var force = false

  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup var engineArguments: EngineArguments

  func validate() throws {
    if top < 1 { throw ValidationError("--top must be at least 1.") }
    if tensor != nil {
      guard images.isEmpty else { throw ValidationError("Give pictures or --tensor, not both.") }
      guard output != nil else { throw ValidationError("--tensor needs --output FILE.npz.") }
    } else {
      guard !images.isEmpty else { throw ValidationError("Give at least one picture, or --tensor.") }
      guard output == nil else { throw ValidationError("--output goes with --tensor.") }
    }
  }

  func run() throws {
    if let output { try OutputFile.check(output, overwrite: force) }
    let loaded = try load.load(checkpoint)
    let engine = engineArguments.engine()
    let model = try ModelFactory.make(
      loaded.metadata.configuration, weights: loaded.native, engine: engine)
    if let tensor, let output {
      try predictTensor(tensor, output, model, engine)
    } else {
      try predictPictures(model, loaded.metadata, engine)
    }
  }

  // MARK: Tensors

  private func predictTensor(
    _ input: String, _ output: String, _ model: any VisionModel, _ engine: Engine
  ) throws {
    let store = try CheckpointFile.open(input)
    guard let tensor = store["input"] else {
      throw Failure("the archive has no member 'input'", file: input)
    }
    let channels = model.configuration["in_channels"]?.int ?? 3
    let size = model.imageSize
    guard tensor.shape.count == 4, tensor.shape[0] > 0,
      Array(tensor.shape[1...]) == [channels, size, size]
    else {
      throw Failure(
        "the input is \(tensor.shape), the network wants [N, \(channels), \(size), \(size)]",
        file: input, tensor: "input")
    }
    let values = try tensor.floats()
    let count = tensor.shape[0]
    var (logits, grid): ([Float], [Float]) = ([], [])
    let one = channels * size * size
    // A few at a time, so that memory does not grow with N.
    for first in stride(from: 0, to: count, by: 16) {
      let batch = min(16, count - first)
      let images = engine.pictures(
        planar: values[first * one..<(first + batch) * one], [batch, channels, size, size])
      let result = model.forward(images, Context(engine, recording: false))
      logits += result.logits.values
      grid += result.finalGrid.values
    }
    let side = model.finalGridSide
    let name = model.numClasses == 0 ? "features" : "logits"
    let width = logits.count / count
    let outputs = try ParameterStore([
      StoredTensor(name: name, shape: [count, width], values: logits),
      StoredTensor(name: "grid", shape: [count, side, side, model.finalGridChannels], values: grid),
    ])
    try CheckpointFile.write(outputs, to: output, overwrite: force)
    print(
      "\(output): \(name) [\(count), \(width)], grid [\(count), \(side), \(side), \(model.finalGridChannels)]"
    )
  }

  // MARK: Pictures

  private func predictPictures(
    _ model: any VisionModel, _ metadata: NativeMetadata, _ engine: Engine
  ) throws {
    guard model.numClasses > 0 else {
      throw Failure(
        "the network has no classifier", file: checkpoint,
        remedy: "give it one with 'vtkit finetune', or take its features with --tensor")
    }
    let steps = try preprocessing.resolve(
      metadata.preprocessing, architecture: model.architecture, imageSize: model.imageSize)
    let items = images.map { LabeledPicture(path: $0, label: 0) }
    let loader = BatchLoader(
      items: items, batchSize: 16, preprocessing: steps, threads: engine.threads.threads
    ) { file, _ in try steps.evaluationPicture(file.picture()) }
    var documents: [JSON] = []
    while let batch = loader.next() {
      if let failure = batch.failures.first { throw failure }
      let size = steps.imageSize
      let context = Context(engine, recording: false)
      let logits = model.forward(
        engine.tensor(batch.images, [batch.count, size, size, 3]), context
      ).logits.values
      for (row, position) in batch.positions.enumerated() {
        let values = Array(logits[row * model.numClasses..<(row + 1) * model.numClasses])
        let best = ranked(values, metadata.classes)
        if json {
          documents.append(
            .object([
              "image": .string(images[position]),
              "predictions": .array(
                best.map {
                  .object(["class": .string($0.name), "probability": .double($0.probability)])
                }),
            ]))
        } else {
          print(images[position].printable)
          for item in best {
            let percent = Format.percent(item.probability)
            print(
              "  " + String(repeating: " ", count: max(0, 9 - percent.count)) + percent + "  " + item.name)
          }
        }
      }
    }
    if json { print(JSON.array(documents).text(pretty: true)) }
  }

  private func ranked(_ logits: [Float], _ classes: [String]?) -> [(name: String, probability: Double)] {
    let largest = Double(logits.max() ?? 0)
    let weights = logits.map { exp(Double($0) - largest) }
    let sum = weights.reduce(0, +)
    return weights.indices.sorted { (weights[$1], $0) < (weights[$0], $1) }.prefix(top).map { index in
      let name = classes.flatMap { index < $0.count ? $0[index] : nil } ?? "class \(index)"
      return (name, weights[index] / sum)
    }
  }
}
