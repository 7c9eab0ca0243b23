import Foundation
import VTCheckpoint
import VTCore

/// What the caller knows about a checkpoint; everything is optional.
public struct LoadOptions: Sendable {
  /// The architecture, such as `vit`; recognized by default.
  public var architecture: String?
  /// The dialect of the tensors' names, such as `timm`; recognized by default.
  public var dialect: String?
  /// The key of the file's dictionary that holds the network (`model_ema`); found by default.
  public var key: String?
  /// Configuration keys that the file does not settle.
  public var configuration: JSON?
  /// Tensors to ignore, by name; `*` matches anything.
  public var ignore: [String]
  /// Tensors that may be missing, likewise.
  public var allowMissing: [String]

  /// Options with the given properties; none by default.
  public init(
    architecture: String? = nil, dialect: String? = nil, key: String? = nil, configuration: JSON? = nil,
    ignore: [String] = [], allowMissing: [String] = []
  ) {
    self.key = key
    self.architecture = architecture
    self.dialect = dialect
    self.configuration = configuration
    self.ignore = ignore
    self.allowMissing = allowMissing
  }
}

/// A checkpoint of any dialect, with native names and layouts.
package struct LoadedCheckpoint: Sendable {
  /// The network's tensors (and the drloc head's, if the file has them).
  package var native: StateDict
  package var metadata: NativeMetadata
  /// `native`, or the dialect of the file.
  package var dialect: String
  package var variant: String
  package var wildcards: [String: String]
  /// What was assumed, taken from elsewhere or dropped.
  package var notes: [LoadNote] = []
  /// Tensors that were dropped, and why.
  package var ignored: [(name: String, reason: String)] = []
  /// Entries of the file that are not tensors.
  package var skipped: [SkippedItem] = []
  package var plan: [PlanRow] = []
  /// The file as a training run wrote it, with its digests; nil for others.
  private var sealed: StateDict?

  /// Reads the weights of a training run's checkpoint and compares their digest; other files have none.
  /// - Parameter path: what was loaded.
  /// - Throws: `Failure` if the weights are not what the run wrote.
  package func checkDigest(_ path: String) throws {
    guard let sealed else { return }
    do { try ContentDigest.check(sealed, .weights) } catch let failure as Failure {
      throw failure.located(file: (try? ModelFolder.weightsFile(path)) ?? path)
    }
  }

  /// Prefixes of the native store's tensors that are not part of the network.
  package static let drlocPrefix = "drloc."
  static let optimizerPrefix = "optimizer."

  /// Opens, recognizes and converts a checkpoint; tensor data stay in the file until used.
  /// - Throws: `Failure` if the dialect is not recognized or a tensor is unaccounted for.
  package static func load(_ path: String, _ options: LoadOptions = LoadOptions()) throws
    -> LoadedCheckpoint
  {
    let store = try CheckpointFile.open(path)
    do {
      return try load(store, options, path: path)
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  /// The same for tensors that are already open.
  /// - Parameter path: the file they come from: a library's own configuration file may be beside it.
  package static func load(_ store: StateDict, _ options: LoadOptions, path: String?) throws
    -> LoadedCheckpoint
  {
    var loaded = try converted(store, options, path: path)
    let isOpen = loaded.metadata.preprocessing == nil
    try loaded.completePreprocessing()
    if isOpen, loaded.dialect != NativeMetadata.nativeDialect { KerasImages(store)?.apply(to: &loaded) }
    return loaded
  }

  private static func converted(_ store: StateDict, _ options: LoadOptions, path: String?) throws
    -> LoadedCheckpoint
  {
    let metadata = try NativeMetadata(store)
    let folder = try path.flatMap { ModelFolder.isFolder($0) ? try ModelFolder($0) : nil }
    if let metadata, metadata.dialect == NativeMetadata.nativeDialect,
      options.dialect ?? NativeMetadata.nativeDialect == NativeMetadata.nativeDialect, options.key == nil
    {
      var result = try native(store, metadata, options)
      result.notes = (folder?.notes ?? []) + result.notes
      return result
    }
    guard options.dialect != NativeMetadata.nativeDialect else {
      throw Failure(
        "not a native store: it has no configuration",
        hint: "leave --from out, or name the dialect (see 'vtkit dialects')")
    }
    var result = try foreign(store, metadata, options, path: path)
    result.notes = (folder?.notes ?? []) + result.notes
    return result
  }

  /// The architecture and dialect of a store's names, whether or not its network can be loaded; nil if
  /// unknown.
  package static func recognized(_ store: StateDict, _ options: LoadOptions, path: String?) -> (
    architecture: String, dialect: String
  )? {
    guard
      let file = try? Detection.found(store, NativeMetadata(store), options, format: format(path))?
        .importer.file
    else { return nil }
    return (file.architecture, file.dialect)
  }

  /// The format of the weights at a path: of a file, or of a folder's weights.
  private static func format(_ path: String?) -> FileFormat? {
    path.flatMap { try? FileFormat(path: ModelFolder.weightsFile($0)) }
  }

  private static func native(
    _ store: StateDict, _ metadata: NativeMetadata, _ options: LoadOptions
  ) throws -> LoadedCheckpoint {
    for member in options.configuration?.members ?? [] where member.key != "architecture" {
      if let own = metadata.configuration[member.key], own != member.value,
        own.double == nil || own.double != member.value.double
      {
        throw Failure(
          "the configuration says \(member.key) = \(member.value.text()), the file \(own.text())",
          hint: "correct --model-config, or leave it out")
      }
    }
    let unused = try store.unusedPatterns(options.ignore)
    var own = store
    try own.leaveOut(options.ignore)
    own.filter { !$0.name.hasPrefix(optimizerPrefix) }
    own.metadata = [:]
    var loaded = LoadedCheckpoint(
      native: own, metadata: metadata, dialect: NativeMetadata.nativeDialect,
      variant: metadata.provenance?["source_variant"]?.string ?? "", wildcards: metadata.sourceWildcards,
      notes: unused, skipped: store.skipped,
      plan: own.tensors.map {
        PlanRow(sources: [$0.name], targets: [$0.name], type: $0.type, shape: $0.shape, step: "")
      })
    loaded.sealed = store.metadata[ContentDigest.key] == nil ? nil : store
    return loaded
  }

  private static func foreign(
    _ store: StateDict, _ metadata: NativeMetadata?, _ options: LoadOptions, path: String?
  ) throws -> LoadedCheckpoint {
    let (format, documents) = (format(path), path.map(FolderDocuments.init))
    var (importer, keyPrefix) = try Detection.importer(store, metadata, options, format: format)
    if options.dialect == nil, metadata == nil, let documents,
      let other = try Detection.twin(of: importer.file, describedIn: documents)
    {
      var named = options
      (named.dialect, named.architecture) = (other.dialect, other.architecture)
      (importer, keyPrefix) = try Detection.importer(store, metadata, named, format: format)
    }
    let file = importer.file
    let ignore = try NameFilter(options.ignore).forNames(under: keyPrefix.prefix)
    let reading = try documents.flatMap { documents in
      try file.folder.flatMap {
        try FolderReading(
          $0, documents, dialect: file.dialect,
          fixed: Dictionary(file.configuration.map { ($0.key, $0.value) }) { first, _ in first })
      }
    }
    let given =
      options.configuration ?? reading?.givingWay(metadata?.configuration) ?? metadata?.configuration
    let result: Importer.Result
    do {
      result = try importer.run(
        given: given, folder: reading, ignore: ignore, allowMissing: NameFilter(options.allowMissing),
        clues: NetworkClues(
          isOwn: metadata != nil, prefix: keyPrefix.prefix,
          modelName: reading?.networkName ?? store.networkName,
          functionName: reading?.networkName, fileNames: path.map(NetworkClues.fileNames) ?? []))
      guard result.report.isComplete else {
        var failure = result.report.failure(
          file: nil, converter: "the dialect '\(file.dialect)' (\(file.fileName))")
        failure.problem = result.unusedPatterns.map { $0.text + "\n" }.joined() + failure.problem
        throw failure
      }
    } catch let failure as Failure {
      // A dialect may fit in part.
      if options.dialect == nil, let other = try OtherNetworks.failure([keyPrefix.store]) { throw other }
      throw failure
    }
    var native = result.native
    for tensor in result.drloc { try native.append(tensor) }
    var own = NativeMetadata(
      configuration: result.configuration, classes: metadata?.classes,
      preprocessing: metadata?.preprocessing, data: metadata?.data)
    let said = result.folderNotes + (result.folder?.complete(&own) ?? [])
    let ignored =
      result.report.ignored + keyPrefix.beside.map { ($0, "not under '\(keyPrefix.prefix.dropLast())'") }
    let left = [LoadNote.leftOut(ignored)].compactMap(\.self)
    let copies = options.key == nil ? [keyPrefix.otherCopies].compactMap(\.self) : []
    return LoadedCheckpoint(
      native: native, metadata: own,
      dialect: file.dialect, variant: result.variant, wildcards: result.wildcards,
      notes: result.unusedPatterns + copies + said + result.assumed + result.sizeNotes + left,
      ignored: ignored, skipped: store.skipped, plan: result.plan)
  }
}

extension LoadedCheckpoint {
  /// A network without tensors: only a configuration.
  package init(untrained configuration: JSON) {
    self.init(
      native: StateDict(), metadata: NativeMetadata(configuration: configuration),
      dialect: NativeMetadata.nativeDialect, variant: "", wildcards: [:])
  }
}

extension String {
  func replacingPrefix(_ prefix: String, with other: String) -> String {
    hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
  }
}
