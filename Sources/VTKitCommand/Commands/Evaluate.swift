import ArgumentParser
import VTCore
import VTData
import VTKit
import VTTraining

struct Evaluate: NetworkCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a network's accuracy on labelled images.",
    discussion: """
      Of a data set's folders, val (or valid, validation) is measured, or else test. If there is neither, the images \
      that the network was not trained on are measured, as far as the file tells.

      Example: vtkit evaluate --checkpoint tuned.npz --data images
      """)

  @OptionGroup(title: "Input and output") var files: EvaluationArguments
  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var classNames: ClassArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup(title: "Computing") var batch: BatchArguments
  @OptionGroup(title: "Computing") var engineArguments: EngineArguments
  func run() throws {
    var network = try load.network(files.checkpoint)
    network.engine = engineArguments.engine()
    var options = EvaluationOptions()
    (options.batchSize, options.isStrict) = (batch.batchSize, files.strictData)
    (options.usesTestSplit, options.includesTraining) = (files.testSplit, files.includesTraining)
    options.augments = files.testTimeAugmentation
    (options.classes, options.preprocessing) = (classNames.names, preprocessing.changes)
    var bar: ProgressBar?
    let (result, set) = try network.evaluate(on: files.data, options) { event in
      if bar == nil, case .progress(_, let total) = event { bar = ProgressBar("evaluating", total: total) }
      Console.tell(event, bar)
    }
    bar?.finish()
    files.json ? printJSON(result, set) : printText(result, set)
  }

  private func printText(_ result: Evaluation, _ set: EvaluationSet) {
    let classes = set.classes
    print("measured on \(set.source)")
    let confusion = result.confusion(classes: classes.count)
    var table = Table(
      ("class", .left), ("images", .right), ("right", .right), ("accuracy", .right),
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
    // Of five classes or fewer, the right one is always among the first five.
    let topFive = classes.count > 5 ? "top-5 \(Format.percent(result.top5Accuracy)), " : ""
    print(
      "accuracy \(Format.percent(result.accuracy)) (\(result.correct) of \(result.count)), \(topFive)loss \(Format.fixed(result.loss, 4))"
    )
  }

  private func printJSON(_ result: Evaluation, _ set: EvaluationSet) {
    let classes = set.classes
    let confusion = result.confusion(classes: classes.count)
    print(
      JSON.object([
        "measured_on": .string(set.source), "warnings": .array(set.remarks.warnings.map { .string($0) }),
        "accuracy": .double(result.accuracy), "correct": .int(result.correct),
        "count": .int(result.count), "top5_accuracy": .double(result.top5Accuracy),
        "loss": .double(result.loss), "skipped": .int(result.failures.count),
        "classes": .array(classes.map { .string($0) }),
        "confusion": .array(confusion.map { .array($0.map(JSON.int)) }),
      ]).text(pretty: true))
  }
}
