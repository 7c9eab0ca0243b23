import Checkpoint
import Conversion
import VisionModels

/// Brings a loaded checkpoint to another picture or window size.
enum Resizing {
  /// What is wrong with the sizes, if anything.
  static func problem(imageSize: Int?, windowSize: Int?) -> String? {
    for (name, size) in [("--image-size", imageSize), ("--window-size", windowSize)] {
      if let size, !(1...16384).contains(size) { return "\(name) must be at least 1, and no more than 16384" }
    }
    return nil
  }

  /// - Throws: `Failure` where the network has no window, or cannot have the size.
  static func apply(imageSize: Int?, windowSize: Int?, to loaded: inout LoadedCheckpoint) throws {
    guard imageSize != nil || windowSize != nil else { return }
    let old = loaded.metadata.configuration
    let architecture = old["architecture"]?.string ?? ""
    if windowSize != nil, old["window_size"] == nil {
      throw Failure(
        .usage, "a network of the architecture '\(architecture)' has no windows",
        remedy: "leave out --window-size")
    }
    let sizes = ["image_size": imageSize, "window_size": windowSize].compactMapValues { $0 }
    let configuration = old.replacing(sizes.mapValues { .int($0) })
    let specs = try ModelFactory.parameterSpecs(configuration)
    let (store, resampled) = try Resampling.resize(
      loaded.native, architecture: architecture, configuration: configuration,
      shapes: Dictionary(uniqueKeysWithValues: specs.map { ($0.name, $0.shape) }))
    loaded.native = store
    loaded.metadata.configuration = configuration
    if let imageSize {
      loaded.metadata.preprocessing = loaded.metadata.preprocessing?.replacing(["size": .int(imageSize)])
    }
    if let first = resampled.first {
      Console.line(
        "note: \(resampled.count == 1 ? first.name : "\(resampled.count) tables") resampled (\(first.method.rawValue))"
      )
    }
  }
}
