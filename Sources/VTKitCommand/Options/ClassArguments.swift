import ArgumentParser
import VTKit

/// The names of a network's classes, for files that do not carry them.
struct ClassArguments: ParsableArguments {
  @Option(
    name: .customLong("classes"),
    help: ArgumentHelp(
      "A file with the network's class names in the order of its outputs: one per line, a JSON list, or a JSON object with id2label.",
      valueName: "file"),
    completion: .file())
  var file: String?

  var names: ClassNames { ClassNames(file: file) }
}
