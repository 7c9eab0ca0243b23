import VTCheckpoint
import VTCore

/// The files of a model folder beside its weights, ready to be written.
package struct FolderExport: Sendable {
  /// The weights file's name and format.
  package let weights: String
  package let format: FileFormat
  /// Whether the library reads sharded weights.
  package let readsShards: Bool
  package let documents: [(name: String, content: JSON)]
  let layout: FolderLayout

  /// The Python lines that load the folder.
  package func python(_ path: String) -> String {
    layout.python(path, description: documents[0].content, format: format, hasProcessor: documents.count > 1)
  }
}

extension RuleFile {
  /// Whether the dialect's library has model folders that VTKit can write.
  var writesFolders: Bool {
    folder?.written.contains { $0.values != nil } == true && folder?.layout.weightsFile(format) != nil
  }

  /// The library's JSON files that describe a network.
  /// - Parameter preset: the network's published name, if it has one.
  /// - Throws: `Failure` if they cannot describe it.
  func described(_ configuration: JSON, preset: String?) throws -> (description: JSON, variant: String?) {
    guard let folder, writesFolders else {
      let others = try Dialects.withFolders(architecture)
      throw Failure(
        .usage, "the dialect '\(dialect)' has no model folders that VTKit can write",
        hint: others.isEmpty
          ? "name a file" : "name a file, or choose " + others.joined(separator: " or "))
    }
    let lookUp: (String) -> JSON? = { $0 == "preset" ? preset.map { .string($0) } : configuration[$0] }
    guard let written = folder.written.first(where: { $0.when?.isTrue(lookUp) ?? true }),
      let values = written.values
    else {
      let reason = folder.written.first { $0.when?.isTrue(lookUp) ?? true }?.reason
      throw Failure(
        "the dialect '\(dialect)' has no model folder for this network"
          + (reason.map { ": " + $0 } ?? ""),
        hint: "name a file, or choose another dialect")
    }
    var description = try values.filled(lookUp)
    for key in folder.keys {
      guard let value = configuration[key.key], value != .null else { continue }
      for source in key.sources where description[source] == nil {
        description = description.setting(source, folder.theirs(value))
      }
    }
    return (description, written.variant)
  }
}

extension Dialects {
  /// Dialects of an architecture whose libraries have model folders.
  static func withFolders(_ architecture: String?) throws -> [String] {
    try all().filter { $0.architecture == architecture && $0.writesFolders }.map(\.dialect)
  }

  /// The default dialect of a model folder: the one that the weights came from.
  /// - Throws: `Failure` listing the choices if that one has no folders.
  package static func usualInFolder(_ metadata: NativeMetadata, hint: ([String]) -> String) throws -> String {
    let choices = try withFolders(metadata.configuration["architecture"]?.string)
    if let origin = metadata.provenance?["source_dialect"]?.string, choices.contains(origin) { return origin }
    throw Failure(
      .usage, "the library of a model folder must be named",
      hint: choices.isEmpty
        ? "name a file: no library has model folders for this architecture" : hint(choices))
  }
}

extension FolderLayout {
  /// The Python lines that load a folder of this layout.
  func python(_ path: String, description: JSON, format: FileFormat, hasProcessor: Bool) -> String {
    let place = quoted(path)
    switch self {
    case .transformers:
      let prefix = format == .hdf5 ? "TF" : ""
      let isClassifier =
        description["architectures"]?.array?.first?.string?.contains("ForImageClassification") == true
      let model = prefix + (isClassifier ? "AutoModelForImageClassification" : "AutoModel")
      var lines = ["from transformers import " + (hasProcessor ? "AutoImageProcessor, " : "") + model]
      if hasProcessor { lines.append("processor = AutoImageProcessor.from_pretrained(\(place))") }
      return (lines + ["model = \(model).from_pretrained(\(place))"]).joined(separator: "\n")
    case .timm:
      return """
        import timm
        model = timm.create_model("local-dir:" + \(place), pretrained=True)
        transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
        """
    case .openClip: return ""
    }
  }
}
