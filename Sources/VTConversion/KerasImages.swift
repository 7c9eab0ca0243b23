import VTCheckpoint
import VTCore

/// What a Keras model's own layers (`Rescaling`, `Normalization`) do to images before they reach the network,
/// from the model's configuration in the file: a transfer model that begins with such a layer expects pixels
/// of 0 to 255.
struct KerasImages {
  /// Describes the layers.
  let layers: [String]
  /// Each channel's factor and offset, for pixels as the model's input has them; nil if the configuration
  /// does not give all of them.
  let numbers: (factor: [Double], summand: [Double])?

  /// - Returns: nil if the file has no configuration, or the model has no such layers.
  init?(_ store: StateDict) {
    guard
      let model = store.kerasConfiguration
        ?? store.metadata["model_config"].flatMap({ try? JSON(parsing: $0) })
    else { return nil }
    var found: [(kind: String, settings: JSON)] = []
    Self.collect(model, into: &found, depth: 0)
    guard !found.isEmpty else { return nil }
    layers = found.map(\.kind)
    var (factor, summand) = ([1.0, 1, 1], [0.0, 0, 0])
    for (kind, settings) in found {
      guard let step = Self.step(kind, settings) else {
        numbers = nil
        return
      }
      for c in 0..<3 {
        summand[c] = summand[c] * step.factor[c] + step.summand[c]
        factor[c] *= step.factor[c]
      }
    }
    let isWhole = factor.allSatisfy { $0 > 0 && $0.isFinite } && summand.allSatisfy(\.isFinite)
    numbers = isWhole ? (factor, summand) : nil
  }

  /// Layers of unknown arithmetic count too: the user must know of them.
  private static let kinds = ["Rescaling", "Normalization", "Lambda", "TFOpLambda", "SlicingOpLambda"]
  /// Layers that may be among them and do not change pixel values.
  private static let others = ["InputLayer", "Resizing", "CenterCrop"]
  /// A nested model with more layers is a network.
  private static let most = 8

  /// Collects the layers before the first one of another kind.
  /// - Returns: whether the model has only such layers.
  @discardableResult
  private static func collect(
    _ model: JSON, into found: inout [(kind: String, settings: JSON)], depth: Int
  ) -> Bool {
    guard depth < 4, let layers = model["config"]?["layers"]?.array else { return false }
    for layer in layers {
      // `Custom>Rescaling`, `keras.layers.Rescaling`
      let kind = layer["class_name"]?.string?.split(whereSeparator: { $0 == ">" || $0 == "." }).last ?? ""
      if kinds.contains(String(kind)) {
        found.append((String(kind), layer["config"] ?? .null))
      } else if let inner = layer["config"]?["layers"]?.array {
        guard inner.count <= most, collect(layer, into: &found, depth: depth + 1) else { return false }
      } else if !others.contains(String(kind)), !kind.hasPrefix("Random") {
        return false
      }
    }
    return true
  }

  /// What one layer does, channel by channel; nil if its configuration does not say.
  private static func step(_ kind: String, _ settings: JSON) -> (factor: [Double], summand: [Double])? {
    func channels(_ value: JSON?) -> [Double]? {
      guard let value else { return nil }
      if let one = value.double { return [one, one, one] }
      // Nested as a tensor: [[[0.5, 0.5, 0.5]]].
      if let items = value.array, items.count == 1, items[0].array != nil { return channels(items[0]) }
      let items = value.array?.compactMap(\.double) ?? []
      if items.count == 1 { return [items[0], items[0], items[0]] }
      return items.count == 3 && value.array?.count == 3 ? items : nil
    }
    switch kind {
    case "Rescaling":
      guard let scale = channels(settings["scale"]), let offset = channels(settings["offset"] ?? .int(0))
      else { return nil }
      return (scale, offset)
    case "Normalization":
      guard settings["invert"]?.bool != true, let mean = channels(settings["mean"]),
        let variance = channels(settings["variance"])
      else { return nil }
      // Keras divides by no less than its epsilon.
      let deviation = variance.map { max($0.squareRoot(), 1e-7) }
      return (deviation.map { 1 / $0 }, zip(mean, deviation).map { -$0 / $1 })
    default: return nil
    }
  }

  /// Replaces the library's usual values with the layers', or notes that it could not.
  func apply(to loaded: inout LoadedCheckpoint) {
    let names = layers.count == 1 ? "a layer" : "layers"
    let list = layers.joined(separator: ", ")
    guard let numbers, let usual = loaded.metadata.preprocessing else {
      loaded.notes.append(
        LoadNote(
          .assumed, key: "preprocessing",
          "the model has \(names) of its own in front of the network (\(list)), whose values its configuration does not give: VTKit leaves \(layers.count == 1 ? "it" : "them") out (set --mean and --std)"
        ))
      return
    }
    // A factor as small as 1/255 is meant for bytes, a larger one for pixels of 0 to 1.
    let white = numbers.factor.allSatisfy { $0 < 0.05 } ? 255.0 : 1
    let std = numbers.factor.map { Self.rounded(1 / ($0 * white)) }
    let mean = zip(numbers.summand, numbers.factor).map { Self.rounded(-$0 / ($1 * white)) }
    loaded.metadata.preprocessing = usual.merging([
      "mean": .array(mean.map { .double($0) }), "std": .array(std.map { .double($0) }), "scale": .int(1),
      "channel_order": .string("rgb"),
    ])
    loaded.notes.removeAll { note in
      note.key == "preprocessing" && note.kind == .assumed
        && (note.text.hasPrefix("mean") || note.text.hasPrefix("scale"))
    }
    let words = loaded.metadata.preprocessing.map { PreprocessingText($0).numbers } ?? ""
    loaded.notes.append(
      LoadNote(
        .taken, key: "preprocessing",
        "images are \(words): \(names) of the model's own in front of the network (\(list)) \(layers.count == 1 ? "does" : "do") that"
      ))
  }

  /// Drops the last digits, in which a float32 differs from its decimal fraction (1 / 255).
  private static func rounded(_ value: Double) -> Double {
    let nearest = (value * 1e6).rounded() / 1e6
    return abs(nearest - value) <= 1e-6 * max(1, abs(value)) ? nearest + 0 : value
  }
}
