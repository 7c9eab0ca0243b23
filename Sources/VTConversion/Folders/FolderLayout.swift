import VTCheckpoint
import VTCore

/// A library's layout of a model folder: its files, and where in them labels and preprocessing are. Rule
/// files describe the network.
enum FolderLayout: String, Sendable {
  case transformers
  case timm
  case openClip = "open-clip"

  /// The file that describes the network.
  var configurationFile: String {
    switch self {
    case .transformers, .timm: "config.json"
    case .openClip: "open_clip_config.json"
    }
  }

  /// The weights file that the library looks for.
  func weightsFile(_ format: FileFormat) -> String? {
    switch (self, format) {
    case (.transformers, .safetensors), (.timm, .safetensors): "model.safetensors"
    case (.transformers, .hdf5): "tf_model.h5"
    case (.openClip, .safetensors): "open_clip_model.safetensors"
    default: nil
    }
  }

  /// Whether the library reads sharded weights.
  var readsShards: Bool { self == .transformers }

  /// Names of the classes in the order of the logits; nil if the file gives none.
  /// - Throws: `Failure` if the file's list is malformed.
  func classes(_ file: JSON) throws -> [String]? {
    switch self {
    case .transformers: try TransformersFolder.classes(file)
    case .timm: TimmFolder.classes(file)
    case .openClip: nil
    }
  }

  /// The file that describes the preprocessing.
  var imageFile: String {
    self == .transformers ? TransformersFolder.preprocessor : configurationFile
  }

  /// The preprocessing; nil if no file gives it.
  /// - Throws: `Failure` if a named folder's file is malformed.
  func preprocessing(_ file: JSON, _ documents: FolderDocuments) throws -> ImageDescription? {
    switch self {
    case .transformers: try TransformersFolder.preprocessing(documents)
    case .timm: TimmFolder.preprocessing(file)
    case .openClip: OpenClipFolder.preprocessing(file)
    }
  }

  /// The JSON files of a folder.
  /// - Parameters:
  ///   - description: the network's, as the rule file writes it.
  ///   - metadata: classes and preprocessing.
  func documents(_ description: JSON, _ metadata: NativeMetadata) -> [(name: String, content: JSON)] {
    switch self {
    case .transformers: TransformersFolder.documents(description, metadata)
    case .timm: [("config.json", TimmFolder.document(description, metadata))]
    case .openClip: [("open_clip_config.json", description)]
    }
  }
}

/// A library's preprocessing, in native keys.
struct ImageDescription: Sendable, Equatable {
  /// The file that gives it.
  let file: String
  /// The side of the images that reach the network; nil if the file leaves it to the network.
  var size: Int?
  var resize = "shortest-edge"
  var interpolation = "bicubic"
  /// The fraction of the resized side that the crop keeps.
  var crop = 1.0
  var mean: [Double]
  var std: [Double]
  /// How an odd crop's position is rounded, see `Preprocessing`.
  var cropOffset = "even"
  /// Which library's arithmetic resizes, see `Preprocessing`.
  var resampler = "pillow"
  /// Describes what the file asks for and VTKit does not support.
  var doubts: [String] = []

  static let half = [0.5, 0.5, 0.5]
  static let imageNetMean = [0.485, 0.456, 0.406]
  static let imageNetStd = [0.229, 0.224, 0.225]
  static let clipMean = [0.48145466, 0.4578275, 0.40821073]
  static let clipStd = [0.26862954, 0.26130258, 0.27577711]

  /// Sets the interpolation, or notes that it is not supported.
  mutating func interpolate(_ name: String) {
    if ["bicubic", "bilinear", "nearest"].contains(name) {
      interpolation = name
    } else {
      doubts.append(
        "images are resized with \(interpolation): \(file) says \(name), which VTKit does not support"
      )
    }
  }

  /// The side that an image is resized to before the crop, in the meaning of `Preprocessing`.
  static func resizedSide(_ size: Int, _ crop: Double) -> Int {
    max(size, Int((Double(size) / crop + 1e-9).rounded(.down)))
  }

  /// Native keys that a library's file cannot hold, and that whoever loads it must know.
  static func unsaid(_ preprocessing: JSON?, in file: String) -> [String] {
    var texts: [String] = []
    func tell(_ key: String, _ usual: JSON, _ meaning: String) {
      guard let value = preprocessing?[key], value != usual else { return }
      texts.append("\(file) cannot record \(key) = \(value.string ?? value.text()): \(meaning)")
    }
    tell(
      "antialias", .bool(true),
      "the library antialiases when it shrinks images, the network's own preprocessing does not")
    tell("channel_order", .string("rgb"), "give the network images in this order")
    if file == TransformersFolder.preprocessor, let own = preprocessing, own["resize"] == nil,
      own["crop_offset"]?.string != "down", own["crop"]?.double != 1
    {
      texts.append(
        "\(file) cannot record how an odd crop is rounded: transformers' crop may be one pixel off the training's, and its accuracy may differ slightly"
      )
    }
    if preprocessing?["resize"]?.string == "crop-first" {
      texts.append(
        "\(file) cannot record that images are cropped before they are resized: it says the reverse")
    }
    return texts
  }

  /// Whether native keys mean the same, as far as the library's file can hold it.
  func agrees(_ own: JSON?, imageSize: Int) -> Bool {
    guard let own else { return false }
    let (size, said) = (size ?? imageSize, json(imageSize: imageSize))
    let side = own["crop"]?.double.map { Self.resizedSide(size, $0) }
    func near(_ key: String) -> Bool {
      let scale = own["scale"]?.double ?? 1
      guard let a = own[key]?.array?.compactMap(\.double), let b = said[key]?.array?.compactMap(\.double),
        a.count == b.count
      else { return false }
      return zip(a, b).allSatisfy { abs($0 / scale - $1) <= 1e-6 * max(1, abs($1)) }
    }
    return own["channel_order"]?.string ?? "rgb" == "rgb" && own["size"]?.int == size
      && own["resize"]?.string ?? "shortest-edge" == resize
      && own["interpolation"]?.string == interpolation && side == Self.resizedSide(size, crop) && near("mean")
      && near("std")
  }

  /// The keys of `NativeMetadata.preprocessing`.
  /// - Parameter imageSize: the network's.
  func json(imageSize: Int) -> JSON {
    func numbers(_ values: [Double]) -> JSON { .array(values.map { .double($0) }) }
    return .object([
      "size": .int(size ?? imageSize), "resize": .string(resize),
      "interpolation": .string(interpolation),
      "crop": .double(crop), "crop_offset": .string(cropOffset), "resampler": .string(resampler),
      "mean": numbers(mean),
      "std": numbers(std),
    ])
  }
}
