import ArgumentParser
import VTKit

/// Options that change a network before it is used.
struct NetworkArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Adapt the network to images of this side: position tables are resampled.", valueName: "side"))
  var imageSize: Int?

  @Option(
    help: ArgumentHelp("Adapt a Swin to windows of this side: bias tables are resampled.", valueName: "side"))
  var windowSize: Int?

  @Option(
    help: ArgumentHelp(
      "Adapt the network to gray images (1) or RGB (3): its first layer is summed or repeated.",
      valueName: "n"))
  var inChannels: Int?

  var isEmpty: Bool { imageSize == nil && windowSize == nil && inChannels == nil }

  func changes(classCount: Int? = nil) -> NetworkChanges {
    NetworkChanges(
      imageSize: imageSize, windowSize: windowSize, inChannels: inChannels, classCount: classCount)
  }
}

/// The classifier that `convert` gives a network.
struct ClassifierArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Replace the classifier with an untrained one for n classes; 0 removes it.", valueName: "n"))
  var numClasses: Int?

  func validate() throws {
    if let numClasses, numClasses < 0 { throw ValidationError("--num-classes must not be negative.") }
  }
}
