import Checkpoint
import Foundation
import Tensor

/// The folder of one training run: `config.json`, `metrics.jsonl`, `pictures.jsonl`, TensorBoard events,
/// `checkpoints/`, `report.html`.
public struct RunFolder: Sendable {
  public let path: String

  public var configPath: String { path + "/config.json" }
  public var metricsPath: String { path + "/metrics.jsonl" }
  public var reportPath: String { path + "/report.html" }
  var listingPath: String { path + "/pictures.jsonl" }
  public var lastPath: String { path + "/checkpoints/last.safetensors" }
  public var bestPath: String { path + "/checkpoints/best.safetensors" }

  /// A new run's folder. Nothing is made or removed before `prepare`.
  /// - Parameter overwrite: whether an earlier run in it may be replaced.
  /// - Throws: `Failure` where the folder holds a run already, or something else.
  public static func create(_ path: String, overwrite: Bool) throws -> RunFolder {
    let run = RunFolder(path: path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return run }
    guard isFolder.boolValue else {
      throw Failure(.usage, "the output is a file, not a folder", file: path)
    }
    if try run.content().isEmpty { return run }
    guard FileManager.default.fileExists(atPath: run.configPath) else {
      throw Failure(
        .usage, "the output folder is not empty and holds no run", file: path,
        remedy: "choose another folder")
    }
    guard overwrite else {
      throw Failure(
        .usage, "the output folder holds a run already", file: path,
        remedy: "continue it with --resume \(path), or replace it with --force")
    }
    return run
  }

  /// Makes the folder, and removes an earlier run's files.
  func prepare() throws {
    let files = FileManager.default
    for name in (try? content()) ?? []
    where ["config.json", "metrics.jsonl", "pictures.jsonl", "report.html", "checkpoints"].contains(name)
      || name.hasPrefix("events.out.tfevents.")
    {
      try? files.removeItem(atPath: path + "/" + name)
    }
    do {
      try files.createDirectory(atPath: path + "/checkpoints", withIntermediateDirectories: true)
    } catch {
      throw Failure("the output folder cannot be made", file: path, remedy: "check the permissions")
    }
  }

  private func content() throws -> [String] {
    do { return try FileManager.default.contentsOfDirectory(atPath: path) } catch {
      throw Failure("the output folder cannot be read", file: path, remedy: "check the permissions")
    }
  }

  /// An existing run's folder.
  public static func open(_ path: String) throws -> RunFolder {
    let run = RunFolder(path: path)
    guard FileManager.default.fileExists(atPath: run.configPath) else {
      throw Failure(
        "no training run here (config.json is missing)", file: path,
        remedy: "give the folder that --output named")
    }
    return run
  }

  public func writeConfiguration(_ configuration: RunConfiguration) throws {
    let file = try OutputFile(configPath, overwrite: true)
    try file.write(try configuration.json.text(pretty: true) + "\n")
    try file.commit()
  }

  public func readConfiguration() throws -> RunConfiguration {
    guard let data = FileManager.default.contents(atPath: configPath) else {
      throw Failure("cannot be read", file: configPath)
    }
    do { return try RunConfiguration(JSON(parsing: data)) } catch let failure as Failure {
      throw failure.located(file: configPath)
    }
  }
}

/// Everything needed to repeat a run.
public struct RunConfiguration: Sendable, Equatable {
  public var recipe: Recipe
  /// The data folder, and what was found in it: a resumed run must find the same.
  public var data: String
  public var dataFingerprint: String
  /// Whether the test pictures are the validation set even where there are validation pictures.
  public var usesTestSplit: Bool
  /// The starting checkpoint; nil from scratch.
  public var checkpoint: String?
  public var metadata: NativeMetadata
  public var exports: [String]
  public var keepsDrloc: Bool
  /// The kernels it was begun with, for the same bits when it goes on; nil in folders that do not tell.
  public var instructions: InstructionSet?

  public init(
    recipe: Recipe, data: String, dataFingerprint: String, checkpoint: String?,
    metadata: NativeMetadata, exports: [String], keepsDrloc: Bool,
    instructions: InstructionSet? = nil, usesTestSplit: Bool = false
  ) {
    self.recipe = recipe
    self.data = data
    self.dataFingerprint = dataFingerprint
    self.checkpoint = checkpoint
    self.metadata = metadata
    self.exports = exports
    self.keepsDrloc = keepsDrloc
    self.instructions = instructions
    self.usesTestSplit = usesTestSplit
  }

  var json: JSON {
    get throws {
      let recipe = try JSON(parsing: JSONEncoder().encode(self.recipe))
      return .object([
        "recipe": recipe, "data": .string(data), "data_fingerprint": .string(dataFingerprint),
        "test_split": .bool(usesTestSplit),
        "checkpoint": checkpoint.map { .string($0) } ?? .null,
        "model": metadata.configuration,
        "classes": .array((metadata.classes ?? []).map { .string($0) }),
        "preprocessing": metadata.preprocessing ?? .null,
        "provenance": metadata.provenance ?? .null,
        "exports": .array(exports.map { .string($0) }), "keeps_drloc": .bool(keepsDrloc),
        "instructions": instructions.map { .string($0.rawValue) } ?? .null,
      ])
    }
  }

  init(_ json: JSON) throws {
    guard let recipe = json["recipe"], let data = json["data"]?.string,
      let fingerprint = json["data_fingerprint"]?.string, let model = json["model"],
      let classes = json["classes"]?.array, let exports = json["exports"]?.array,
      let preprocessing = json["preprocessing"]
    else { throw Failure("the run's configuration is damaged") }
    do {
      self.recipe = try JSONDecoder().decode(Recipe.self, from: Data(recipe.text().utf8))
    } catch {
      throw Failure("the run's recipe is damaged (\(error))")
    }
    self.data = data
    dataFingerprint = fingerprint
    usesTestSplit = json["test_split"]?.bool ?? false
    checkpoint = json["checkpoint"]?.string
    let provenance = json["provenance"]
    metadata = NativeMetadata(
      configuration: model, classes: classes.compactMap(\.string), preprocessing: preprocessing,
      provenance: provenance == .null ? nil : provenance)
    self.exports = exports.compactMap(\.string)
    keepsDrloc = json["keeps_drloc"]?.bool ?? false
    instructions = json["instructions"]?.string.flatMap(InstructionSet.init(rawValue:))
  }
}
