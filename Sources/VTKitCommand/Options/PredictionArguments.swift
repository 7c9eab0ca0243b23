import ArgumentParser

/// What `predict` reads besides images, and where it writes its answers.
struct PredictionArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The weights: a file, a model folder or a run folder.", valueName: "path"),
    completion: .file())
  var checkpoint: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The file for the answers: .csv or .jsonl; with --tensor, .npz.", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp("An .npz with the input tensor, instead of images.", valueName: "file"),
    completion: .file(extensions: ["npz"]))
  var tensor: String?

  @Option(help: ArgumentHelp("How many classes to show.", valueName: "n"))
  var top = 5

  @Flag(
    help:
      "Average the answers for each image and its mirror image: a little more accuracy for twice the time.")
  var testTimeAugmentation = false

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @Flag(help: "Write JSON.")
  var json = false

  func validate() throws {
    if top < 1 { throw ValidationError("--top must be at least 1.") }
  }
}
