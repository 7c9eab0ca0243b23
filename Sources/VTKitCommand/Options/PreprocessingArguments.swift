import ArgumentParser
import Foundation
import VTCheckpoint
import VTConversion
import VTCore
import VTData

extension Interpolation: ExpressibleByArgument {}
extension Preprocessing.Resize: ExpressibleByArgument {}
extension Resampler: ExpressibleByArgument {}

/// How images become inputs, where the checkpoint does not say or is overruled.
struct PreprocessingArguments: ParsableArguments {
  @Option(help: ArgumentHelp("How images are resized.", valueName: "name"))
  var interpolation: Interpolation?

  @Option(
    help: ArgumentHelp(
      "Means of red, green and blue, of pixels in 0...1: 0.485,0.456,0.406 (one number for gray images). Else the checkpoint's own, or its library's.",
      valueName: "r,g,b"),
    transform: { try Self.numbers($0, "--mean") })
  var mean: [Float]?

  @Option(
    help: ArgumentHelp("Their standard deviations, in the same way: 0.229,0.224,0.225.", valueName: "r,g,b"),
    transform: { try Self.numbers($0, "--std") })
  var std: [Float]?

  @Option(
    help: ArgumentHelp(
      "What gets the size in evaluation: shortest-edge, squash (both sides), crop-first (a square part).",
      valueName: "name"))
  var resize: Preprocessing.Resize?

  @Option(
    help: ArgumentHelp(
      "Whose arithmetic resizes in evaluation: pillow (also torchvision's, timm's, transformers 4's), torchvision (its tensors', transformers 5's), opencv.",
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

  /// The checkpoint's own preprocessing, or the usual one, with what the options say.
  /// - Parameter channels: of the network's input.
  /// - Throws: `Failure` where images have no such channels.
  func resolve(_ own: JSON?, architecture: String, imageSize: Int, channels: Int) throws -> Preprocessing {
    var result =
      try own.map { try Preprocessing($0) }
      ?? Preprocessing.usual(architecture: architecture, imageSize: imageSize)
    result.imageSize = imageSize
    let isAveraged = channels == 1 && result.channels == 3 && (mean == nil || std == nil)
    result = try result.fitted(toChannels: channels)
    for (name, values) in [("--mean", mean), ("--std", std)] {
      guard let count = values?.count, count != channels else { continue }
      throw Failure(
        .usage,
        "\(name) takes \(channels == 1 ? "one number" : "three numbers"), one for each of the network's channels"
      )
    }
    if let interpolation { result.interpolation = interpolation }
    // The network's channels may come in another order and unit.
    func ofNetwork(_ values: [Float]) -> [Float] {
      (result.channelOrder == .bgr ? values.reversed() : values).map { $0 * result.scale }
    }
    if let mean { result.mean = ofNetwork(mean) }
    if let std { result.std = ofNetwork(std) }
    if let resize { result.resize = resize }
    if let resampler { result.resampler = resampler }
    if let crop { result.cropFraction = crop }
    if isAveraged {
      Console.line(
        "note: the network takes one channel: images are made gray, with mean \(result.mean[0]) and std \(result.std[0]), the averages of three (--mean and --std override)"
      )
    }
    return result
  }

  /// The notes without those about keys that the options settle. A note begins with its keys: `mean 0.5 0.5 0.5, std ...:`.
  func unsettled(_ notes: [LoadNote]) -> [LoadNote] {
    let settled = Set(
      [
        mean == nil ? nil : "mean", std == nil ? nil : "std", crop == nil ? nil : "crop",
        interpolation == nil ? nil : "interpolation", resize == nil ? nil : "resize",
      ].compactMap { $0 })
    return notes.filter { note in
      guard note.key == "preprocessing", note.kind == .assumed else { return true }
      let keys = note.text.prefix { $0 != ":" }.split(separator: ",").compactMap {
        $0.split(separator: " ").first
      }
      return !keys.allSatisfy { settled.contains(String($0)) }
    }
  }
}
