import VTCheckpoint
import VTConversion
import VTCore
import VTModels

/// How a network or the tensors of a file are written.
package struct ExportOptions {
  /// Whose names and layouts to write; nil takes those that the weights came with.
  package var dialect: String?
  package var variant: String?
  /// The type to round floats to; nil keeps every bit.
  package var type: ElementType?
  package var compression: Int?
  /// Bytes that one safetensors file may hold.
  package var maximumShard: Int?
  package var keepsDrloc = false
  package var overwrites = false

  package init() {}

  /// Refuses what makes no sense for the place, before anything is read.
  /// - Parameter isRaw: whether tensors are taken as they are, without a network.
  package func check(_ destination: Destination, isRaw: Bool = false) throws {
    if isRaw && destination.isFolder {
      throw Failure(
        .usage, "--raw knows no network, and a model folder describes one", file: destination.path,
        hint: "name a file")
    }
    if maximumShard != nil, !destination.isFolder, destination.format != .safetensors {
      throw Failure(
        .usage, "only safetensors files are split into several", file: destination.path,
        hint: "leave out --max-shard-size")
    }
    try CheckpointFile.checkCompression(
      compression, destination.format, file: destination.path, hint: "leave out --compression")
  }
}

/// Tensors brought to a dialect, or taken as they are, ready to be written. No number has been read yet.
package struct Export {
  package let destination: Destination
  /// What is read, tensor by tensor, and what is written for it.
  package let plan: [PlanRow]
  /// The JSON files of a model folder; nil for a single file.
  package var folder: FolderExport? { checkpoint.folder }
  /// What to know before the file is used, such as tensors that the dialect cannot hold.
  package let notes: [String]
  /// Options that changed nothing.
  package let unused: [LoadNote]

  private var checkpoint: ExportedCheckpoint
  private let configuration: JSON?
  private let options: ExportOptions
  private let finiteRemark: () -> String?

  /// What was written.
  package struct Written {
    /// The path, or the files of its index; a folder's by their names in it.
    package let files: [String]
    package let tensorCount: Int
    package let elementCount: Int
    /// nil where the tensors were taken as they are.
    package let dialect: String?
    /// Tells of numbers that are not finite.
    package let remark: String?
    /// The lines of Python that load it, where the dialect's library has a way.
    package let python: String?
  }

  package var byteCount: Int { checkpoint.store.byteCount }

  /// - Parameter progress: called with the bytes of every chunk that has been written.
  /// - Throws: `Failure`; the place is then as it was.
  package func write(progress: ((Int) -> Void)? = nil) throws -> Written {
    let files = try destination.write(
      checkpoint, compression: options.compression, maximumShard: options.maximumShard,
      overwrite: options.overwrites, progress: progress)
    let python = configuration.flatMap { checkpoint.python($0, at: destination, files: files) }
    return Written(
      files: files, tensorCount: checkpoint.store.count, elementCount: checkpoint.store.elementCount,
      dialect: configuration == nil ? nil : checkpoint.store.metadata["vtkit.dialect"],
      remark: finiteRemark(), python: python)
  }
}

extension Export {
  /// A file's tensors under their own names: no network, no dialect.
  /// - Parameter ignore: patterns of tensors to leave out.
  /// - Throws: `Failure` where nothing in the file is a tensor, or a training run's weights are damaged.
  package init(
    tensorsOf path: String, ignore: [String], to destination: Destination, options: ExportOptions
  ) throws {
    var store = try CheckpointFile.open(path)
    unused = try store.unusedPatterns(ignore)
    do { try ContentDigest.check(store, .weights) } catch let failure as Failure {
      throw failure.located(file: path)
    }
    // The digest holds for no other bytes, such as rounded ones.
    store.metadata[ContentDigest.key] = nil
    try store.leaveOut(ignore)
    guard store.count > 0 || store.skipped.isEmpty else {
      throw Failure(
        "nothing in the file is a tensor", file: path, hint: "see what it holds with 'vtkit inspect'")
    }
    let (watch, names) = (FiniteWatch(), store.names)
    store.mapTensors(watch.watching)
    plan = store.tensors.map {
      PlanRow(sources: [$0.name], targets: [$0.name], type: $0.type, shape: $0.shape, step: "")
    }
    notes = store.skipped.map { "\($0.name.printable) is left out (\($0.reason))" }
    if let type = options.type { store.mapTensors { $0.converted(to: type) } }
    checkpoint = ExportedCheckpoint(raw: store)
    (self.destination, self.options, configuration) = (destination, options, nil)
    finiteRemark = { watch.remark(names) }
  }

  /// - Parameter checkpoint: the network in the dialect.
  init(
    _ checkpoint: ExportedCheckpoint, of network: Network, configuration: JSON, notes: [String],
    to destination: Destination, options: ExportOptions
  ) {
    (self.checkpoint, self.configuration, self.notes) = (checkpoint, configuration, notes)
    (self.destination, self.options, unused) = (destination, options, [])
    finiteRemark = network.finiteRemark
    // Both halves joined: source names on the left, target names on the right.
    let origins = Dictionary(
      network.loaded.plan.map { ($0.targets[0], $0) }, uniquingKeysWith: { first, _ in first })
    plan = checkpoint.plan.map { row in
      let origin = origins[row.sources[0]]
      let steps = [origin?.step ?? "", row.step].filter { !$0.isEmpty }
      return PlanRow(
        sources: origin?.sources ?? row.sources, targets: row.targets, type: row.type,
        sourceShape: origin?.sourceShape ?? row.sourceShape, shape: row.shape,
        step: steps.joined(separator: ", then "))
    }
    if let type = options.type { self.checkpoint.store.mapTensors { $0.converted(to: type) } }
  }
}
