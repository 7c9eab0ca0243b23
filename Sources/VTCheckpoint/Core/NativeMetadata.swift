import VTCore

/// What travels with the tensors of a native store: everything needed to build the network, feed it and
/// name its answers. Each part is one metadata entry, as JSON text.
package struct NativeMetadata: Sendable, Equatable {
  /// The network's configuration, `architecture` included.
  package var configuration: JSON
  /// Whose names the tensors have: `native`, or the dialect a file was exported to.
  package var dialect: String
  /// Names of the classes in the order of the logits.
  package var classes: [String]?
  /// Size, interpolation, mean, std, crop.
  package var preprocessing: JSON?
  /// Source file, its SHA-256, converter, time.
  package var provenance: JSON?
  /// Which images the network was trained on.
  package var data: JSON?

  package init(
    configuration: JSON, dialect: String = NativeMetadata.nativeDialect,
    classes: [String]? = nil, preprocessing: JSON? = nil, provenance: JSON? = nil, data: JSON? = nil
  ) {
    self.configuration = configuration
    self.dialect = dialect
    self.classes = classes
    self.preprocessing = preprocessing
    self.provenance = provenance
    self.data = data
  }

  /// The dialect of the native store.
  package static let nativeDialect = "native"

  private static let configurationKey = "vtkit.configuration"

  /// - Throws: `Failure` where the entries are malformed; nil where there are none.
  package init?(_ store: StateDict) throws {
    func parse(_ key: String) throws -> JSON? {
      guard let text = store.metadata[key] else { return nil }
      do { return try JSON(parsing: text) } catch let failure as Failure {
        throw Failure("the metadata entry '\(key)' is damaged (\(failure.problem))")
      }
    }
    guard let configuration = try parse(Self.configurationKey) else { return nil }
    self.init(
      configuration: configuration,
      dialect: store.metadata["vtkit.dialect"] ?? Self.nativeDialect,
      classes: try parse("vtkit.classes")?.array?.compactMap(\.string),
      preprocessing: try parse("vtkit.preprocessing"),
      provenance: try parse("vtkit.provenance"), data: try parse("vtkit.data"))
  }

  /// Texts that the file the weights came from chose itself, by wildcard.
  package var sourceWildcards: [String: String] {
    var result: [String: String] = [:]
    for member in provenance?["source_wildcards"]?.members ?? [] { result[member.key] = member.value.string }
    return result
  }

  /// The metadata entries.
  package var entries: [String: String] {
    var result = [Self.configurationKey: configuration.text(), "vtkit.dialect": dialect]
    if let classes { result["vtkit.classes"] = JSON.array(classes.map { .string($0) }).text() }
    if let preprocessing { result["vtkit.preprocessing"] = preprocessing.text() }
    if let provenance { result["vtkit.provenance"] = provenance.text() }
    if let data { result["vtkit.data"] = data.text() }
    return result
  }
}
