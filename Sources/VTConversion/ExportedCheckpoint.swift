import VTCheckpoint
import VTCore

/// A native network in a dialect's names and layouts, ready to be written.
package struct ExportedCheckpoint: Sendable {
  package var store: StateDict
  package var plan: [PlanRow]
  /// What the user must tell the dialect's library, since its files do not record it.
  package var remarks: [String]
  /// Native tensors that the dialect cannot hold, and why that does no harm.
  package var omitted: [(name: String, reason: String)] = []
  /// The dialect's rules; nil for the native one.
  package var rules: RuleFile?
  /// The dialect's variant.
  package var variant = ""
  /// The other files of a model folder; nil for a single file.
  package var folder: FolderExport?
  /// Wildcard values of the file that the weights came from, if it was of this dialect.
  var wildcards: [String: String] = [:]

  /// - Parameters:
  ///   - native: the network's tensors by native name.
  ///   - dialect: `native` or one of the architecture's dialects.
  ///   - variant: which of the dialect's variants; nil takes the first that fits.
  ///   - wildcards: wildcard values of the file that the weights came from.
  ///   - keepsDrloc: whether to include the drloc head.
  ///   - inFolder: whether a model folder is written.
  ///   - preset: the network's published name, if it has one; folders may hold it.
  /// - Throws: `Failure` naming what the dialect cannot hold.
  package static func make(
    _ native: StateDict, metadata: NativeMetadata, dialect: String, variant: String? = nil,
    wildcards: [String: String] = [:], keepsDrloc: Bool = false, inFolder: Bool = false, preset: String? = nil
  ) throws -> ExportedCheckpoint {
    var trunk = native
    trunk.filter { !$0.name.hasPrefix(LoadedCheckpoint.drlocPrefix) }
    var drloc = native
    drloc.filter { keepsDrloc && $0.name.hasPrefix(LoadedCheckpoint.drlocPrefix) }
    var metadata = metadata
    metadata.dialect = dialect
    var result: ExportedCheckpoint
    var drlocNames: String?
    if dialect == NativeMetadata.nativeDialect {
      if inFolder {
        throw Failure(
          .usage, "a native store is a single file", hint: "name a .safetensors file, or another dialect")
      }
      let rows = trunk.tensors.map {
        PlanRow(sources: [$0.name], targets: [$0.name], type: $0.type, shape: $0.shape, step: "")
      }
      result = ExportedCheckpoint(store: trunk, plan: rows, remarks: [])
    } else {
      let architecture = metadata.configuration["architecture"]?.string
      let file = try Dialects.named(dialect, architecture: architecture)
      drlocNames = file.drloc
      let names = file.variants.map(\.name)
      let described = inFolder ? try file.described(metadata.configuration, preset: preset) : nil
      let variant =
        described?.variant ?? variant.flatMap { names.contains($0) ? $0 : nil }
        ?? file.fittingVariant(metadata.configuration)
      let exporter = try Exporter(file, variant: variant)
      let exported = try exporter.run(
        trunk, configuration: metadata.configuration, wildcards: wildcards, inFolder: inFolder)
      result = ExportedCheckpoint(
        store: exported.store, plan: exported.plan,
        remarks: exporter.differences(trunk, metadata.configuration).filter { item in
          // What the folder's own files record needs no setting by the user.
          !inFolder || file.folder?.says(item.key) != true
        }.map { key, usual, own in
          "\(file.library) assumes \(key) = \(usual.text()); this network has \(own.text()): set it there"
        }
          // A folder's own files describe preprocessing.
          + (inFolder
            ? [] : [Self.preprocessingRemark(metadata, file: file, variant: variant)].compactMap { $0 }),
        omitted: exported.omitted, rules: file, variant: variant, wildcards: wildcards)
      if let described, let folder = file.folder, let weights = folder.layout.weightsFile(file.format) {
        result.folder = FolderExport(
          weights: weights, format: file.format, readsShards: folder.layout.readsShards,
          documents: folder.layout.documents(described.description, metadata), layout: folder.layout)
        result.remarks += ImageDescription.unsaid(
          metadata.preprocessing, in: folder.layout.imageFile)
      }
    }
    for tensor in drloc.tensors {
      if let layout = result.store.kerasLayout {
        try result.store.append(tensor.renamed("drloc/" + tensor.name))
        var layers = layout.layers
        if layers.last?.name != "drloc" { layers.append(.init(name: "drloc", weights: [])) }
        layers[layers.count - 1].weights.append(tensor.name)
        result.store.kerasLayout?.layers = layers
      } else {
        try result.store.append(tensor.renamed(Self.name(of: tensor.name, in: drlocNames)))
      }
    }
    result.store.metadata = metadata.entries
    // transformers 4 reads a safetensors file only if its metadata says that PyTorch wrote it.
    if result.rules?.formats.contains(.pytorch) == true {
      result.store.metadata[CheckpointFile.frameworkKey] = "pt"
    }
    return result
  }

  /// `drloc.0.layers.0.weight` in a dialect's spelling.
  private static func name(of native: String, in pattern: String?) -> String {
    let parts = native.split(separator: ".", maxSplits: 2)
    guard let pattern, parts.count == 3 else { return native }
    return pattern.replacing("{scale}", with: parts[1]) + parts[2]
  }
}

extension ExportedCheckpoint {
  /// The Python lines that load what was written.
  /// - Parameters:
  ///   - configuration: the network's.
  ///   - files: as `Destination.write` returns them.
  /// - Returns: nil if the library has no such network or does not read such files.
  package func python(_ configuration: JSON, at destination: Destination, files: [String]) -> String? {
    if let folder { return folder.python(destination.path) }
    return destination.format.flatMap { pythonSnippet(configuration, files: files, format: $0) }
  }

  /// Tensors that belong to no network, under their own names.
  package init(raw store: StateDict) { self.init(store: store, plan: [], remarks: []) }
}

extension RuleFile {
  /// The variant for a network from another dialect: the first that can hold it.
  func fittingVariant(_ configuration: JSON) -> String {
    let fitting = variants.first { $0.when?.isTrue { configuration[$0] } ?? true }
    return (fitting ?? variants[0]).name
  }
}
