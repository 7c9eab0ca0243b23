import VTCheckpoint
import VTConversion
import VTCore
import VTModels
import VTTensor

/// A network with its weights: read from a file, asked what images show, measured, fine-tuned and written again.
///
/// ```swift
/// let network = try Network(contentsOf: "ViT-S_16.npz")
/// for answer in try network.classify("cat.jpg", top: 3) { print(answer.label, answer.probability) }
/// try network.write(to: "vit.safetensors", as: .timm)
/// ```
///
/// The numbers stay in the file until something needs them. A network is a value: what changes it gives a new one.
public struct Network {
  /// What was read, by native names, with what was changed since.
  package var loaded: LoadedCheckpoint { didSet { built = Built() } }
  /// The file or folder that was read; nil for a network that starts from random weights.
  package let path: String?
  /// Tells of numbers that were not finite, once all have been read (`watchingNumbers`).
  package private(set) var finiteRemark: () -> String? = { nil }
  /// What computes; made when something is computed.
  package var engine: Engine? { didSet { built = Built() } }

  private var built = Built()

  /// What was made of the weights, kept from one call to the next.
  private final class Built {
    var model: (any VisionModel)?
    var engine: Engine?
  }

  /// Opens and recognizes a checkpoint of any dialect: a file, a model folder or a training run's folder.
  /// - Parameters:
  ///   - path: the file or folder.
  ///   - options: what the file does not say itself, such as the number of heads.
  /// - Throws: `Failure` where nothing is there, the dialect is not recognized, a tensor is unaccounted for, or the
  ///   file leaves something open.
  public init(contentsOf path: String, options: LoadOptions = LoadOptions()) throws {
    try self.init(try LoadedCheckpoint.load(path, options), path: path)
  }

  /// A network of what was read from a path. Its configuration gets the keys that it leaves out, so that what is
  /// written says all of it.
  package init(_ loaded: LoadedCheckpoint, path: String) throws {
    var loaded = loaded
    do {
      loaded.metadata.configuration = try Models.completed(loaded.metadata.configuration)
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
    (self.loaded, self.path) = (loaded, path)
  }

  /// A published network by its name (`vtkit models` lists them), with random weights.
  /// - Throws: `Failure` with the closest names where there is none of this name.
  public init(named name: String) throws {
    try self.init(configuration: Models.named(name).configuration)
  }

  /// A network of a configuration, with random weights.
  /// - Parameter configuration: an object with the keys of its architecture; `vtkit models --keys` explains them.
  /// - Throws: `Failure` naming the keys that are missing, malformed, unknown or contradict others.
  public init(configuration: JSON) throws {
    loaded = LoadedCheckpoint(untrained: try Models.completed(configuration))
    path = nil
  }

  /// The architecture, such as `vit` or `swin`.
  public var architecture: String { loaded.metadata.configuration["architecture"]?.string ?? "" }
  /// The side of the images that it takes, in pixels.
  public var imageSize: Int { loaded.metadata.configuration["image_size"]?.int ?? 0 }
  /// Number of classes; 0 for a network without a classifier.
  public var classCount: Int { loaded.metadata.configuration["num_classes"]?.int ?? 0 }
  /// The names of the classes, in the order of its answers; nil where the file does not name them.
  public var classes: [String]? { loaded.metadata.classes }
  /// Whose names and layouts the weights had where they were read.
  public var dialect: Dialect { Dialect(loaded.dialect) }
  /// What was assumed, taken from elsewhere or left out when the checkpoint was read, in words.
  public var notes: [String] { loaded.notes.map(\.text) }

  /// The network as it computes: built at the first call.
  /// - Throws: `Failure` also where a weight is NaN or infinite; it names the file's own tensor.
  package func model() throws -> any VisionModel {
    if let model = built.model { return model }
    let (configuration, engine) = (loaded.metadata.configuration, usedEngine())
    let model: any VisionModel
    if let path {
      try loaded.checkDigest(path)
      model = try Models.make(configuration, weights: loaded.native, engine: engine)
      try loaded.namingOwnTensors(path) { try model.parameters.checkFinite() }
    } else {
      model = try Models.make(configuration, weights: nil, engine: engine)
    }
    built.model = model
    return model
  }

  /// The engine that was set, or one with all of the machine's processors.
  package func usedEngine() -> Engine {
    if let engine = engine ?? built.engine { return engine }
    let engine = Engine()
    built.engine = engine
    return engine
  }

  /// Refuses damaged weights of a training run; of other files there is nothing to compare.
  package func checkDigest() throws { try path.map(loaded.checkDigest) }

  /// Refuses tensors that are not those of the configuration's network.
  package func checkShapes() throws {
    do { try Models.checkShapes(loaded.native, loaded.metadata.configuration) } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  /// Refuses a network that is another than the published one, whatever its classifier.
  package func check(isModel model: NamedModel) throws {
    for key in ["architecture", "embed_dim", "depth", "depths", "channels", "patch_size", "image_size"] {
      let (own, wanted) = (loaded.metadata.configuration[key], model.configuration[key])
      if let wanted, own?.isSame(as: wanted) != true {
        throw Failure(
          "the checkpoint is no \(model.name): \(key) is \(own?.text() ?? "missing"), not \(wanted.text())",
          file: path, hint: "leave --model out, or name the right one")
      }
    }
  }

  /// The same network, whose numbers that are NaN or infinite are counted as they are read.
  package func watchingNumbers() -> Network {
    let (watch, own) = (FiniteWatch(), loaded)
    var result = self
    result.loaded.native.mapTensors(watch.watching)
    result.finiteRemark = { watch.remark(own.native.names, told: own.ownName) }
    return result
  }
}
