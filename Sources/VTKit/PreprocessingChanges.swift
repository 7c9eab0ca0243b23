import VTConversion
import VTCore
import VTData
import VTModels

/// How images become inputs, where the checkpoint does not say or is overruled; nil keeps what it says.
package struct PreprocessingChanges {
  package var interpolation: Interpolation?
  /// Of red, green and blue in 0...1, or of gray.
  package var mean: [Float]?
  package var std: [Float]?
  package var resize: Preprocessing.Resize?
  package var resampler: Resampler?
  package var crop: Double?

  package init() {}

  /// The network's own preprocessing, or the usual one, with the changes.
  /// - Returns: also what to say of it.
  /// - Throws: `Failure` where images have no channels such as the network's.
  package func applied(to network: Network) throws -> (Preprocessing, note: String?) {
    let metadata = network.loaded.metadata
    let channels = metadata.configuration["in_channels"]?.int ?? 3
    var result: Preprocessing
    if let own = metadata.preprocessing {
      result = try Preprocessing(own)
    } else {
      let usual = try Models.pixelStatistics(network.architecture)
      result = Preprocessing(imageSize: network.imageSize, mean: usual.mean, std: usual.std)
    }
    result.imageSize = network.imageSize
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
    guard isAveraged else { return (result, nil) }
    return (
      result,
      "the network takes one channel: images are made gray, with mean \(result.mean[0]) and std \(result.std[0]), the averages of three (--mean and --std override)"
    )
  }

  /// The notes without those about keys that the changes settle. A note begins with its keys: `mean 0.5 0.5 0.5, std ...:`.
  package func unsettled(_ notes: [LoadNote]) -> [LoadNote] {
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

extension LoadNote {
  /// The note as a verb tells it.
  var event: VerbEvent { kind == .unused ? .warning(text.printable) : .note(text.printable) }
}
