import VTCheckpoint
import VTConversion
import VTCore
import VTData
import VTModels
import VTTraining

/// Other sizes for a network; nil leaves one as it is.
package struct NetworkChanges {
  package var imageSize: Int?
  package var windowSize: Int?
  package var inChannels: Int?
  /// A new, untrained classifier for so many classes; 0 takes it away.
  package var classCount: Int?

  package init(
    imageSize: Int? = nil, windowSize: Int? = nil, inChannels: Int? = nil, classCount: Int? = nil
  ) {
    self.imageSize = imageSize
    self.windowSize = windowSize
    self.inChannels = inChannels
    self.classCount = classCount
  }

  /// What is wrong with the numbers, whatever the network, if anything.
  package var problem: String? {
    for (name, size) in [("--image-size", imageSize), ("--window-size", windowSize)] {
      if let size, !(1...16384).contains(size) { return "\(name) must be at least 1, and no more than 16384" }
    }
    guard let inChannels, inChannels != 1, inChannels != 3 else { return nil }
    return "--in-channels is 1 (gray images) or 3 (RGB)"
  }
}

extension Network {
  /// The network for images or windows of another side: position tables and bias tables are resampled, as timm and
  /// Microsoft do it; all other tensors stay as they are.
  /// - Parameters:
  ///   - imageSize: the side of the images in pixels.
  ///   - windowSize: the side of a Swin's windows in cells.
  /// - Throws: `Failure` where the network has no windows, or cannot have the size; it names the nearest that it can.
  public func resized(imageSize: Int? = nil, windowSize: Int? = nil) throws -> Network {
    var result = self
    let changes = NetworkChanges(imageSize: imageSize, windowSize: windowSize)
    if let problem = changes.problem { throw Failure(.usage, problem) }
    _ = try result.change(changes)
    return result
  }

  /// - Returns: what was done, in words.
  package mutating func change(_ changes: NetworkChanges) throws -> [String] {
    let said = [try resize(changes), try bringToChannels(changes.inChannels)].compactMap(\.self)
    if let count = changes.classCount {
      let configuration = HeadReplacement.configuration(loaded.metadata.configuration, numClasses: count)
      loaded.native = try HeadReplacement.weights(loaded.native, configuration: configuration, seed: 0)
      loaded.metadata.configuration = configuration
      loaded.metadata.classes = nil
    }
    return said
  }

  /// Brings the first layer to gray or RGB images, and the preprocessing with it.
  private mutating func bringToChannels(_ inChannels: Int?) throws -> String? {
    guard let inChannels else { return nil }
    let configuration = loaded.metadata.configuration
    let (store, layer) = try InputChannels.adapt(loaded.native, configuration: configuration, to: inChannels)
    guard let layer else { return nil }
    loaded.native = store
    loaded.metadata.configuration = configuration.merging(["in_channels": .int(inChannels)])
    loaded.metadata.preprocessing = try loaded.metadata.preprocessing.map {
      try Preprocessing($0).fitted(toChannels: inChannels).json
    }
    let how = inChannels == 1 ? "its channels are summed" : "its one channel is repeated, a third each"
    return "\(layer) takes \(inChannels == 1 ? "gray" : "RGB") images now (\(how))"
  }

  private mutating func resize(_ changes: NetworkChanges) throws -> String? {
    let (imageSize, windowSize) = (changes.imageSize, changes.windowSize)
    guard imageSize != nil || windowSize != nil else { return nil }
    let old = loaded.metadata.configuration
    if windowSize != nil, old["window_size"] == nil {
      throw Failure(
        .usage, "a network of the architecture '\(architecture)' has no windows",
        hint: "leave out --window-size")
    }
    let sizes = ["image_size": imageSize, "window_size": windowSize].compactMapValues { $0 }
    let configuration = old.replacing(sizes.mapValues { .int($0) })
    let declarations: [ParameterDeclaration]
    do { declarations = try Models.parameterDeclarations(configuration) } catch let failure as Failure {
      throw Self.impossible(sizes, of: old, failure)
    }
    let (store, resampled) = try Resampling.resize(
      loaded.native, architecture: architecture, configuration: configuration,
      shapes: Dictionary(uniqueKeysWithValues: declarations.map { ($0.name, $0.shape) }))
    loaded.native = store
    loaded.metadata.configuration = configuration
    if let imageSize {
      loaded.metadata.preprocessing = loaded.metadata.preprocessing?.replacing(["size": .int(imageSize)])
    }
    return resampled.first.map { first in
      "\(resampled.count == 1 ? first.name : "\(resampled.count) tables") resampled (\(first.method.rawValue))"
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
