import VTCheckpoint
import VTCore

/// Tries a rule file on a checkpoint, for its author: forwards, accounting for every tensor, and backwards,
/// comparing every bit.
package struct RuleFileCheck: Sendable {
  package let file: RuleFile
  /// The variant that fits; empty if the file has none.
  package let variant: String
  package let tensors: Int
  package let configuration: JSON
  /// Keys set by the file's `assume`.
  package let assumed: [LoadNote]
  /// Tensors that were dropped, and why.
  package let ignored: [(name: String, reason: String)]
  /// Rules that matched no tensor, by line.
  package let unused: [(line: Int, native: String)]

  /// - Throws: `Failure` naming the lines whose tensors are missing or misshapen, tensors that no line takes,
  ///   and tensors that change in a round trip.
  package init(_ file: RuleFile, on path: String, _ options: LoadOptions = LoadOptions()) throws {
    let store = try CheckpointFile.open(path)
    do {
      let importers = try KeyPrefix.candidates(store, key: options.key).map {
        ($0, try Importer.best(file, $0.store))
      }
      let (keyPrefix, importer) = importers.max { $0.1.matchedCount < $1.1.matchedCount }!
      let result = try importer.run(
        given: options.configuration, folder: nil, ignore: NameFilter(options.ignore),
        allowMissing: NameFilter(options.allowMissing))
      guard result.report.isComplete else {
        throw result.report.failure(file: nil, converter: file.fileName, showingLines: true)
      }
      let exporter = try Exporter(file, variant: result.variant)
      let back = try exporter.run(
        result.native, configuration: result.configuration, wildcards: result.wildcards)
      try Self.compare(keyPrefix.store, back.store, leaving: Set(result.report.ignored.map(\.name)))
      self.file = file
      variant = result.variant
      tensors = result.native.count
      configuration = result.configuration
      assumed = result.assumed
      ignored = result.report.ignored
      unused = importer.unusedRules
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  private static func compare(
    _ original: StateDict, _ back: StateDict, leaving ignored: Set<String>
  ) throws {
    for tensor in original.tensors
    where !ignored.contains(tensor.name) && !tensor.name.hasPrefix(LoadedCheckpoint.drlocPrefix) {
      guard let other = back[tensor.name] else {
        throw Failure("read backwards, the rules do not write this tensor", tensor: tensor.name)
      }
      guard other.shape == tensor.shape, other.type == tensor.type else {
        throw Failure(
          "read backwards, the rules give \(other.type.rawValue) \(other.shape) for \(tensor.type.rawValue) \(tensor.shape)",
          tensor: tensor.name)
      }
      let isSame = try tensor.bytes().withUnsafeBytes { a in
        try other.bytes().withUnsafeBytes { a.elementsEqual($0) }
      }
      guard isSame else {
        throw Failure("read backwards, the rules give different numbers", tensor: tensor.name)
      }
    }
  }
}
