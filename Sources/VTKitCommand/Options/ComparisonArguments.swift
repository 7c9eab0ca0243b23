import ArgumentParser

/// How `compare` compares, and how it writes the result.
struct ComparisonArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Largest difference of two numbers that still counts as equal.", valueName: "x"))
  var tolerance = 0.0

  @Flag(help: "Write JSON.")
  var json = false

  func validate() throws {
    if tolerance < 0 || tolerance.isNaN { throw ValidationError("--tolerance must not be negative.") }
  }
}
