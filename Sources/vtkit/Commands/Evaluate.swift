import ArgumentParser
import Checkpoint
import Conversion
import Datasets
import FineTuning
import Foundation
import Tensor
import VisionModels

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a network's accuracy on labelled pictures.",
    discussion: "Example: vtkit evaluate --checkpoint tuned.npz --data pictures")

  @Option(help: "The tuned weights.")
  var checkpoint: String

  @Option(help: "The pictures: val/<class>/, or <class>/.")
  var data: String

  @Option(help: "Pictures at a time.")
  var batchSize = 32

  @Flag(help: "Write JSON.")
  var json = false

  @Flag(help: "Stop at a picture that cannot be read, rather than skip it.")
  var strictData = false

  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup var engineArguments: EngineArguments

  func validate() throws {
    if batchSize < 1 { throw ValidationError("--batch-size must be at least 1.") }
  }

  func run() throws {
    let loaded = try load.load(checkpoint)
    let engine = engineArguments.engine()
    let model = try ModelFactory.make(
      loaded.metadata.configuration, weights: loaded.native, engine: engine)
    guard model.numClasses > 0 else {
      throw Failure(
        "the network has no classifier", file: checkpoint, remedy: "give it one with 'vtkit finetune'")
    }
    let (classes, pictures) = try ImageFolder.evaluationSet(data, classes: loaded.metadata.classes)
    guard classes.count == model.numClasses else {
      throw Failure(
        "the network tells \(model.numClasses) classes apart, the folder has \(classes.count)",
        file: data, remedy: "give the data set that the network was tuned on")
    }
    let steps = try preprocessing.resolve(
      loaded.metadata.preprocessing, architecture: model.architecture, imageSize: model.imageSize)
    let bar = ProgressBar("evaluating", total: pictures.count)
    let result = try Evaluation.run(
      model, pictures, preprocessing: steps, batchSize: batchSize, engine: engine,
      strict: strictData
    ) { done in
      bar.show(done)
      return true
    }
    bar.finish()
    for failure in result.failures { Console.warning(failure.description + " (skipped)") }
    if !result.failures.isEmpty {
      Console.warning("\(result.failures.count) pictures could not be read and were skipped")
    }
    guard result.count > 0 else { throw Failure("no picture could be read", file: data) }
    json ? printJSON(result, classes) : printText(result, classes)
  }

  private func printText(_ result: Evaluation, _ classes: [String]) {
    let confusion = result.confusion(classes: classes.count)
    var table = Table(
      ("class", .left), ("pictures", .right), ("right", .right), ("accuracy", .right),
      ("most often taken for", .left))
    for (label, row) in confusion.enumerated() {
      let total = row.reduce(0, +)
      let wrong = row.enumerated().filter { $0.offset != label && $0.element > 0 }
        .max { $0.element < $1.element }
      table.add(
        classes[label], "\(total)", "\(row[label])",
        total == 0 ? "" : Format.percent(Double(row[label]) / Double(total)),
        wrong.map { "\(classes[$0.offset]) (\($0.element))" } ?? "")
    }
    print(table.text)
    print(
      "accuracy \(Format.percent(result.accuracy)) (\(result.correct) of \(result.count)), top-5 \(Format.percent(result.top5Accuracy)), loss \(Format.fixed(result.loss, 4))"
    )
  }

  private func printJSON(_ result: Evaluation, _ classes: [String]) {
    let confusion = result.confusion(classes: classes.count)
    print(
      JSON.object([
        "accuracy": .double(result.accuracy), "correct": .int(result.correct),
        "count": .int(result.count), "top5_accuracy": .double(result.top5Accuracy),
        "loss": .double(result.loss), "skipped": .int(result.failures.count),
        "classes": .array(classes.map { .string($0) }),
        "confusion": .array(confusion.map { .array($0.map(JSON.int)) }),
      ]).text(pretty: true))
  }
}
