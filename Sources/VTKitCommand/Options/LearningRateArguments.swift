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

  @Option(help: ArgumentHelp("The first rate.", valueName: "rate")) var firstRate = 1e-7
  @Option(help: ArgumentHelp("The last rate.", valueName: "rate")) var lastRate = 1.0
  @Option(help: ArgumentHelp("Updates between the two.", valueName: "n")) var updates = 100

  @Flag(help: "Replace the page where it exists.")
  var force = false

  @Flag(help: "Write JSON.")
  var json = false

  func range() throws -> LearningRateFinder.Range {
    guard firstRate > 0, firstRate.isFinite, lastRate > firstRate, Float(lastRate).isFinite else {
      throw Failure(.usage, "--first-rate must be above 0, and --last-rate above it")
    }
    guard (20...100_000).contains(updates) else {
      throw Failure(.usage, "--updates must be in 20...100000")
    }
    var range = LearningRateFinder.Range()
    (range.first, range.last, range.updates) = (firstRate, lastRate, updates)
    return range
  }
}
