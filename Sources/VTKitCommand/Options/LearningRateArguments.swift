import ArgumentParser
import VTCore
import VTTraining

/// What `lr-find` reads, and where its picture goes.
struct LearningRateArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The pretrained weights: a file or a model folder.", valueName: "path"),
    completion: .file())
  var checkpoint: String?

  @Option(
    help: ArgumentHelp("The folder of images, with one folder per class.", valueName: "folder"),
    completion: .directory)
  var data: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("A page with the loss over the rate (.html).", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var output: String?

  @Option(help: ArgumentHelp("The first rate.", valueName: "rate")) var from = 1e-7
  @Option(help: ArgumentHelp("The last rate.", valueName: "rate")) var to = 1.0
  @Option(help: ArgumentHelp("Updates between the two.", valueName: "n")) var updates = 100

  @Flag(help: "Replace the page where it exists.")
  var force = false

  @Flag(help: "Write JSON.")
  var json = false

  func range() throws -> LearningRateFinder.Range {
    guard from > 0, from.isFinite, to > from, Float(to).isFinite else {
      throw Failure(.usage, "--from must be above 0, and --to above --from")
    }
    guard (20...100_000).contains(updates) else {
      throw Failure(.usage, "--updates must lie in 20...100000")
    }
    var range = LearningRateFinder.Range()
    (range.first, range.last, range.updates) = (from, to, updates)
    return range
  }
}
