import ArgumentParser

/// What a training run needs, and where its results go.
struct RunArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The pretrained weights: a file or a model folder.", valueName: "path"),
    completion: .file())
  var checkpoint: String?

  @Option(
    help: ArgumentHelp(
      "A network tuned on the same classes to learn from beside the labels (distillation): for a small network and little data.",
      valueName: "path"),
    completion: .file())
  var teacher: String?

  @Option(
    help: ArgumentHelp(
      "The images: a folder with one folder per class, a list, an archive, a data set as its authors ship it.",
      valueName: "path"),
    completion: .file())
  var data: String?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The run folder to create.", valueName: "folder"),
    completion: .directory)
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Write the best weights here too: FILE, FOLDER/, or DIALECT:FILE for other names. May be repeated.",
      valueName: "target"),
    completion: .file())
  var export: [String] = []

  @Flag(help: "Keep the drloc head in exports.")
  var keepDrloc = false

  @Option(
    help: ArgumentHelp("Continue the run in this folder.", valueName: "folder"), completion: .directory)
  var resume: String?

  @Flag(help: "Validate with the test images, even if there are validation images.")
  var testSplit = false

  @Flag(help: "Replace an earlier run and earlier exports.")
  var force = false

  @Flag(help: "Write the outcome as JSON.")
  var json = false
}
