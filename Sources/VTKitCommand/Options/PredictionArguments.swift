import ArgumentParser

/// What `predict` reads besides images, and where its answers go.
struct PredictionArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The weights: a file, a model folder or a run folder.", valueName: "path"),
    completion: .file())
  var checkpoint: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Where the answers go: a .csv or .jsonl file; with --tensor, an .npz.", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp("An .npz with the input tensor, in place of images.", valueName: "file"),
    completion: .file(extensions: ["npz"]))
  var tensor: String?

  @Flag(help: "Replace the output where it exists.")
  var force = false
}
