import ArgumentParser

/// Where the results of `sweep` go.
struct SweepArguments: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The folder for the runs, in place of the file's.", valueName: "folder"),
    completion: .directory)
  var output: String?

  @Flag(help: "Write JSON.")
  var json = false
}
