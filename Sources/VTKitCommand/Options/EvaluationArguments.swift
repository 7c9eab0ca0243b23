import ArgumentParser

/// What `evaluate` reads.
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
}
