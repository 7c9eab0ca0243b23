import ArgumentParser

/// What `models` lists, and how.
struct ModelListArguments: ParsableArguments {
  @Flag(help: "Explain the configuration's keys.")
  var keys = false

  @Flag(help: "Write JSON.")
  var json = false
}
