import ArgumentParser
import Checkpoint
import Datasets

extension Interpolation: ExpressibleByArgument {}

/// How pictures become inputs, where the checkpoint does not say or is overruled.
struct PreprocessingArguments: ParsableArguments {
  @Option(help: "How pictures are resized: bicubic or bilinear.")
  var interpolation: Interpolation?

  @Option(
    parsing: .upToNextOption,
    help: "Three channel means of pixels in 0...1 (default 0.5 0.5 0.5 for ViT, ImageNet's for the others).")
  var mean: [Float] = []

  @Option(
    parsing: .upToNextOption,
    help: "Three channel standard deviations (default 0.5 0.5 0.5 for ViT, ImageNet's for the others).")
  var std: [Float] = []

  @Option(help: "The part of a picture's shorter side that evaluation keeps (default 0.875).")
  var crop: Double?

  func validate() throws {
    guard mean.isEmpty || mean.count == 3, std.isEmpty || std.count == 3 else {
      throw ValidationError("--mean and --std take three numbers each.")
    }
    guard std.allSatisfy({ $0 > 0 }) else { throw ValidationError("--std must be positive.") }
    if let crop, !(crop > 0 && crop <= 1) { throw ValidationError("--crop lies above 0, up to 1.") }
  }

  /// The checkpoint's own preprocessing, or the usual one, with what the options say.
  func resolve(_ own: JSON?, architecture: String, imageSize: Int) throws -> Preprocessing {
    var result =
      try own.map { try Preprocessing($0) }
      ?? Preprocessing.usual(architecture: architecture, imageSize: imageSize)
    result.imageSize = imageSize
    if let interpolation { result.interpolation = interpolation }
    if !mean.isEmpty { result.mean = mean }
    if !std.isEmpty { result.std = std }
    if let crop { result.cropFraction = crop }
    return result
  }
}
