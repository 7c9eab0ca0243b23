import VTCheckpoint
import VTCore

/// How a library lays a model folder out: which files it has, and where in them labels and the preparation of images
/// are. What the network is, rule files say.
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

  /// Whether the library reads weights that are split into several files.
  var readsShards: Bool { self == .transformers }

  /// Names of the classes in the order of the logits, nil where the file gives none.
  /// - Throws: `Failure` where the file's list is malformed.
  func classes(_ file: JSON) throws -> [String]? {
    switch self {
    case .transformers: try TransformersFolder.classes(file)
    case .timm: TimmFolder.classes(file)
    case .openClip: nil
    }
  }

  /// The file that says how images are prepared.
  var imageFile: String {
    self == .transformers ? TransformersFolder.preprocessor : configurationFile
  }

  /// How images are prepared, nil where no file says so.
  /// - Throws: `Failure` where a named folder's file is malformed.
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

/// How a library's files prepare images, in our keys.
struct ImageDescription: Sendable, Equatable {
  /// The file that says so.
  let file: String
  /// The side of the images that reach the network, nil where the file leaves it to the network.
  var size: Int?
  var resize = "shortest-edge"
  var interpolation = "bicubic"
  /// The part of the resized side that the crop keeps.
  var crop = 1.0
  var mean: [Double]
  var std: [Double]
  /// Rounding of an odd crop's place, see `Preprocessing`.
  var cropOffset = "even"
  /// Whose arithmetic resizes, see `Preprocessing`.
  var resampler = "pillow"
  /// What VTKit cannot do as the file says, in words.
  var doubts: [String] = []

  static let half = [0.5, 0.5, 0.5]
  static let imageNetMean = [0.485, 0.456, 0.406]
  static let imageNetStd = [0.229, 0.224, 0.225]
  static let clipMean = [0.48145466, 0.4578275, 0.40821073]
  static let clipStd = [0.26862954, 0.26130258, 0.27577711]

  /// Sets the interpolation, or tells that there is none such.
  mutating func interpolate(_ name: String) {
    if ["bicubic", "bilinear", "nearest"].contains(name) {
      interpolation = name
    } else {
      doubts.append(
        "images are resized with \(interpolation): \(file) says \(name), which VTKit does not have"
      )
    }
  }

  /// The side that an image is resized to before the crop, as `Preprocessing` has it.
  static func resizedSide(_ size: Int, _ crop: Double) -> Int {
    max(size, Int((Double(size) / crop + 1e-9).rounded(.down)))
  }

  /// What a library's file cannot say of our keys, and who loads it must know.
  static func unsaid(_ preprocessing: JSON?, in file: String) -> [String] {
    var texts: [String] = []
    func tell(_ key: String, _ usual: JSON, _ meaning: String) {
      guard let value = preprocessing?[key], value != usual else { return }
      texts.append("\(file) cannot say \(key) = \(value.string ?? value.text()): \(meaning)")
    }
    tell("antialias", .bool(true), "the library smooths images that shrink, the network's own does not")
    tell("channel_order", .string("rgb"), "give the network images in this order")
    if file == TransformersFolder.preprocessor, let own = preprocessing, own["resize"] == nil,
      own["crop_offset"]?.string != "down", own["crop"]?.double != 1
    {
      texts.append(
        "\(file) cannot say where an odd number of pixels is cut: transformers crops up to a pixel beside the training's middle, and its accuracy may differ a little"
      )
    }
    if preprocessing?["resize"]?.string == "crop-first" {
      texts.append(
        "\(file) cannot say that images are cropped before they are resized: it says the reverse")
    }
    return texts
  }

  /// Whether our own keys say the same, as far as the library's file can say it.
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
