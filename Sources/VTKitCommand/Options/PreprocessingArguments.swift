import ArgumentParser
import Foundation
import VTData
import VTKit

extension Interpolation: ExpressibleByArgument {}
extension Preprocessing.Resize: ExpressibleByArgument {}
extension Resampler: ExpressibleByArgument {}

/// How images become inputs, where the checkpoint does not say or is overruled.
struct PreprocessingArguments: ParsableArguments {
  @Option(help: ArgumentHelp("How images are resized.", valueName: "name"))
  var interpolation: Interpolation?

  @Option(
    help: ArgumentHelp(
      "Means of red, green and blue, of pixels in 0...1: 0.485,0.456,0.406 (one number for gray images). By default the checkpoint's own, or its library's.",
      valueName: "r,g,b"),
    transform: { try Self.numbers($0, "--mean") })
  var mean: [Float]?

  @Option(
    help: ArgumentHelp("Their standard deviations, in the same way: 0.229,0.224,0.225.", valueName: "r,g,b"),
    transform: { try Self.numbers($0, "--std") })
  var std: [Float]?

  @Option(
    help: ArgumentHelp(
      "How evaluation resizes: shortest-edge, squash (both sides), crop-first (the largest center square).",
      valueName: "name"))
  var resize: Preprocessing.Resize?

  @Option(
    help: ArgumentHelp(
      "Which library's resizing evaluation follows: pillow (also torchvision's, timm's, transformers 4's), torchvision (its tensors', transformers 5's), opencv.",
      valueName: "name"))
  var resampler: Resampler?

  @Option(
    help: ArgumentHelp("The part of an image's shorter side that evaluation keeps.", valueName: "part"))
  var crop: Double?

  func validate() throws {
    if let std, !std.allSatisfy({ $0 > 0 }) { throw ValidationError("--std must be positive.") }
    if let crop, !(crop >= 0.01 && crop <= 1) { throw ValidationError("--crop is a part from 0.01 to 1.") }
  }

  private static func numbers(_ text: String, _ flag: String) throws -> [Float] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Float($0.trimmingCharacters(in: .whitespaces)) }.filter(\.isFinite)
    guard [1, 3].contains(numbers.count), parts.count == numbers.count else {
      throw ValidationError(
        "\(flag) takes three numbers with commas between them and no spaces, like 0.485,0.456,0.406 (one for gray images)."
      )
    }
    return numbers
  }

  var changes: PreprocessingChanges {
    var changes = PreprocessingChanges()
    (changes.interpolation, changes.mean, changes.std) = (interpolation, mean, std)
    (changes.resize, changes.resampler, changes.crop) = (resize, resampler, crop)
    return changes
  }
}
