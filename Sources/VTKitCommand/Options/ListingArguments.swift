import ArgumentParser

/// Which tensors `inspect` lists, and how.
struct ListingArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Only tensors whose names match (* matches anything).", valueName: "pattern"))
  var filter: String?

  @Flag(help: "Read the values, too: smallest, largest, mean, standard deviation.")
  var stats = false

  @Flag(help: "Write JSON.")
  var json = false
}
