import ArgumentParser

/// Which dialects `dialects` lists, and how.
struct DialectListArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Only those of one architecture.", valueName: "name"), completion: .architectures)
  var architecture: String?

  @Flag(help: "Write JSON.")
  var json = false
}

/// The rule file that `dialects` checks.
struct RuleCheckArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Validate a rule file.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var check: String?

  @Option(
    help: ArgumentHelp(
      "With --check: a JSON file with configuration keys that the checkpoint does not settle.",
      valueName: "file-or-json"),
    completion: .file(extensions: ["json"]))
  var modelConfig: String?
}
