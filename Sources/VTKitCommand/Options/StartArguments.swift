import ArgumentParser

/// The network that a training run begins with, where it is not the checkpoint's as it is.
struct StartArguments: ParsableArguments {
  @Flag(help: "Start from random weights (with --model or --model-config).")
  var fromScratch = false

  @Option(
    help: ArgumentHelp(
      "The network by name ('vtkit models'); checked against the checkpoint.", valueName: "name"),
    completion: .models)
  var model: String?

  @OptionGroup var changes: NetworkArguments

  @Flag(help: "Make a new classifier, even where the checkpoint's is for the same classes.")
  var newHead = false
}
