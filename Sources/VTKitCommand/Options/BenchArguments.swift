import ArgumentParser

/// The network that `bench train` and `bench predict` measure.
struct BenchNetworkArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("The network by name ('vtkit models').", valueName: "name"), completion: .models)
  var model = "vit_small_patch16_224"

  @Option(help: ArgumentHelp("Side of the images; by default the network's own.", valueName: "side"))
  var imageSize: Int?

  func validate() throws {
    if let imageSize, imageSize < 1 { throw ValidationError("--image-size is at least 1.") }
  }
}

/// How steps are measured.
struct StepMeasurementArguments: ParsableArguments {
  @Option(
    name: [.long, .customLong("batch-size"), .customShort("b")],
    help: ArgumentHelp("Images at a time.", valueName: "n"))
  var batch = 16

  @Option(help: ArgumentHelp("Measured rounds; the fastest counts.", valueName: "n"))
  var rounds = 8

  @Flag(help: "Time every operation, forward and backward, too.")
  var profile = false

  @Flag(help: "Write JSON.")
  var json = false

  func validate() throws {
    if batch < 1 || rounds < 1 { throw ValidationError("--batch and --rounds are at least 1.") }
  }
}

/// What `bench train` trains.
struct BenchTrainingArguments: ParsableArguments {
  @Flag(help: "Without the drloc loss.")
  var noDrloc = false

  @Flag(help: "Activation checkpointing: compute each block twice rather than keep its inner results.")
  var recompute = false
}

/// What `bench convert` writes.
struct BenchConversionArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The output's suffix.", valueName: "suffix"))
  var suffix = "safetensors"

  @Option(
    help: ArgumentHelp("The dialect to write; native by default.", valueName: "dialect"),
    completion: .targets)
  var to: String?
}

/// How conversions and reading images are measured.
struct MeasurementArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Measured rounds; the fastest counts.", valueName: "n"))
  var rounds = 3

  @Flag(help: "Write JSON.")
  var json = false

  func validate() throws {
    if rounds < 1 { throw ValidationError("--rounds is at least 1.") }
  }
}

/// What `bench data` makes of images.
struct BenchImageArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Side of the network's input.", valueName: "side"))
  var imageSize = 224

  @Option(
    name: [.customLong("auto-augment"), .customLong("aa")],
    help: ArgumentHelp("Policy of random operations, as in vtkit finetune.", valueName: "name"))
  var autoAugment: String?

  func validate() throws {
    if imageSize < 1 { throw ValidationError("--image-size is at least 1.") }
  }
}
