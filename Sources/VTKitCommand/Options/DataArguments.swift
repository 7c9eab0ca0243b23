import ArgumentParser

/// What `data` writes.
struct DataArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Write a page of augmented training images here.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var sheet: String?

  @Option(help: ArgumentHelp("Side of the network's input, for --sheet.", valueName: "pixels"))
  var imageSize = 224

  @Flag(help: "Replace an earlier page.")
  var force = false

  @Flag(help: "Write JSON, with every file.")
  var json = false

  func validate() throws {
    if !(1...4096).contains(imageSize) { throw ValidationError("--image-size is a number from 1 to 4096.") }
  }
}
