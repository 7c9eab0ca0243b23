import ArgumentParser

/// What `evaluate` reads and how it writes the result.
struct EvaluationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The tuned weights: a file, a model folder or a run folder.", valueName: "path"),
    completion: .file())
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "The images, as for fine-tuning: val/<class>/, test/<class>/, or <class>/; a list, an archive, ...",
      valueName: "path"),
    completion: .file())
  var data: String

  @Flag(help: "Measure the test images, even if there are validation images.")
  var testSplit = false

  @Flag(name: .customLong("all"), help: "Measure also images that the network was trained on.")
  var includesTraining = false

  @Flag(
    help:
      "Average the answers for each image and its mirror image: a little more accuracy for twice the time.")
  var testTimeAugmentation = false

  @Flag(help: "Stop at an image that cannot be read, rather than skip it.")
  var strictData = false

  @Flag(help: "Write JSON.")
  var json = false
}

/// How many images `evaluate` computes at a time.
struct BatchArguments: ParsableArguments {
  @Option(name: [.long, .customShort("b")], help: ArgumentHelp("Images at a time.", valueName: "n"))
  var batchSize = 32

  func validate() throws {
    if batchSize < 1 { throw ValidationError("--batch-size must be at least 1.") }
  }
}
