import VTCheckpoint
import VTConversion
import VTCore
import VTModels

extension Network {
  /// Writes the network to a file, or to a model folder where the path ends with a slash.
  ///
  /// The suffix says the format. Without a dialect, the tensors keep the names of the library that they came from, also
  /// where they went through a native store or a training run. The output appears whole or not at all.
  /// - Parameters:
  ///   - path: the file or folder to write.
  ///   - dialect: the library to write for.
  ///   - overwrite: whether an existing file or model folder may be replaced.
  /// - Returns: the files written; a folder's by their names in it.
  /// - Throws: `Failure` where the place is taken or cannot be written to, or the dialect cannot hold the network.
  @discardableResult
  public func write(to path: String, as dialect: Dialect? = nil, overwrite: Bool = false) throws -> [String] {
    let destination = try Destination(path)
    var options = ExportOptions()
    (options.dialect, options.overwrites) = (dialect?.name, overwrite)
    try destination.check(overwrite: overwrite)
    try checkDigest()
    try checkShapes()
    return try export(to: destination, options) {
      "pass `as:` with " + $0.joined(separator: " or ")
    }.write().files
  }

  /// The network brought to a dialect.
  /// - Parameter hint: what to do where the dialect must be named, given those there are to choose from.
  /// - Throws: `Failure` naming what the dialect cannot hold.
  package func export(to destination: Destination, _ options: ExportOptions, hint: ([String]) -> String)
    throws
    -> Export
  {
    let native = try path == nil ? model().parameters.store() : loaded.native
    var metadata = loaded.metadata
    if let path {
      metadata.provenance = try Provenance.make(path, loaded, digest: PendingDigest.placeholder)
    }
    let dialect = try options.dialect ?? destination.usualDialect(metadata, hint: hint)
    let keepsDrloc = options.keepsDrloc || dialect == NativeMetadata.nativeDialect
    var exported = try ExportedCheckpoint.make(
      native, metadata: metadata, dialect: dialect, variant: options.checkedVariant(of: dialect, metadata),
      keepsDrloc: keepsDrloc, for: destination, modelName: Models.name(of: metadata.configuration))
    if options.maximumShard != nil, let folder = exported.folder,
      !folder.readsShards || folder.format != .safetensors
    {
      throw Failure(
        .usage, "the library reads no weights in several files from such a folder", file: destination.path,
        hint: "leave out --max-shard-size")
    }
    if let path { exported.store.digest = PendingDigest(of: path) }
    let heads = native.names.count { $0.hasPrefix(LoadedCheckpoint.drlocPrefix) }
    let left =
      heads > 0 && !keepsDrloc
      ? ["the drloc head (\(heads.counted("tensor"))) is left out (--keep-drloc takes it along)"] : []
    return Export(
      exported, of: self, configuration: metadata.configuration,
      notes: left + exported.notes(dialect: dialect), to: destination, options: options)
  }
}

extension ExportOptions {
  /// - Throws: `Failure` where the dialect has no such variant.
  fileprivate func checkedVariant(of dialect: String, _ metadata: NativeMetadata) throws -> String? {
    guard let variant else { return nil }
    let known = dialect == NativeMetadata.nativeDialect ? [] : try Dialects.variants(of: dialect, metadata)
    guard known.contains(variant) else {
      throw Failure(
        .usage, "the dialect '\(dialect)' has no variant '\(variant.printable)'",
        hint: known.isEmpty ? "leave out --variant" : "it has " + known.joined(separator: ", "))
    }
    return variant
  }
}
