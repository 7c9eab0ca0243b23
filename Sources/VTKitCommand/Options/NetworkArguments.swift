import ArgumentParser
import VTKit

/// Options that change a network before it is used.
struct NetworkArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Bring the network to images of this side: position tables are resampled.", valueName: "side"))
  var imageSize: Int?

  @Option(
    help: ArgumentHelp("Bring a Swin to windows of this side: bias tables are resampled.", valueName: "side"))
  var windowSize: Int?

  @Option(
    help: ArgumentHelp(
      "Bring the network to gray images (1) or RGB (3): its first layer is summed or repeated.",
      valueName: "n"))
  var inChannels: Int?

  var isEmpty: Bool { imageSize == nil && windowSize == nil && inChannels == nil }

  func changes(classCount: Int? = nil) -> NetworkChanges {
    NetworkChanges(
      imageSize: imageSize, windowSize: windowSize, inChannels: inChannels, classCount: classCount)
  }
}
