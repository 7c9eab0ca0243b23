import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels

/// Brings a loaded checkpoint to other images or windows.
enum Resizing {
  /// What is wrong with `--in-channels`, if anything.
  static func problem(inChannels: Int?) -> String? {
    guard let inChannels, inChannels != 1, inChannels != 3 else { return nil }
    return "--in-channels is 1 (gray images) or 3 (RGB)"
  }

  /// Brings the first layer to gray or RGB images, and the preprocessing with it.
  /// - Throws: `Failure` where the network's first layer does not allow it.
  static func apply(inChannels: Int?, to loaded: inout LoadedCheckpoint) throws {
    guard let inChannels else { return }
    let configuration = loaded.metadata.configuration
    let (store, layer) = try InputChannels.adapt(loaded.native, configuration: configuration, to: inChannels)
    guard let layer else { return }
    loaded.native = store
    loaded.metadata.configuration = configuration.merging(["in_channels": .int(inChannels)])
    loaded.metadata.preprocessing = try loaded.metadata.preprocessing.map {
      try Preprocessing($0).fitted(toChannels: inChannels).json
    }
    let how = inChannels == 1 ? "its channels are summed" : "its one channel is repeated, a third each"
    Console.line("note: \(layer) takes \(inChannels == 1 ? "gray" : "RGB") images now (\(how))")
  }

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
        hint: "leave out --window-size")
    }
    let sizes = ["image_size": imageSize, "window_size": windowSize].compactMapValues { $0 }
    let configuration = old.replacing(sizes.mapValues { .int($0) })
    let declarations: [ParameterDeclaration]
    do { declarations = try Models.parameterDeclarations(configuration) } catch let failure as Failure {
      throw impossible(sizes, of: old, failure)
    }
    let (store, resampled) = try Resampling.resize(
      loaded.native, architecture: architecture, configuration: configuration,
      shapes: Dictionary(uniqueKeysWithValues: declarations.map { ($0.name, $0.shape) }))
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

  /// The error for sizes that the network cannot have: the user's, with the nearest that it can.
  private static func impossible(_ sizes: [String: Int], of configuration: JSON, _ failure: Failure)
    -> Failure
  {
    let given = [("--image-size", "image_size"), ("--window-size", "window_size")].compactMap { option, key in
      sizes[key].map { (option: option, key: key, size: $0) }
    }
    var result = failure
    result.kind = .usage
    result.problem = given.map { "\($0.option) \($0.size)" }.joined(separator: " ") + ": " + failure.problem
    guard let first = given.first else { return result }
    func isPossible(_ size: Int) -> Bool {
      let tried = sizes.merging([first.key: size]) { _, new in new }
      let wanted = configuration.replacing(tried.mapValues { .int($0) })
      return (try? Models.parameterDeclarations(wanted)) != nil
    }
    let below = stride(from: first.size - 1, through: max(1, first.size - 512), by: -1).first(
      where: isPossible)
    let above = (first.size + 1...first.size + 512).first(where: isPossible)
    let near = [below, above].compactMap { $0.map(String.init) }
    result.hint =
      near.isEmpty ? failure.hint : "the nearest sizes that it can have: \(near.joined(separator: ", "))"
    return result
  }
}
