import VTCheckpoint
import VTCore

extension LoadedCheckpoint {
  /// Fills in the preprocessing from the rule file if neither the file nor its folder gives it.
  ///
  /// A native store without it was written before rule files gave it; the rules of its origin apply.
  mutating func completePreprocessing() throws {
    guard metadata.preprocessing == nil else { return }
    let architecture = metadata.configuration["architecture"]?.string
    let dialect =
      self.dialect == NativeMetadata.nativeDialect
      ? metadata.provenance?["source_dialect"]?.string : self.dialect
    guard let dialect, let file = try? Dialects.named(dialect, architecture: architecture) else { return }
    let found =
      file.preprocessing(metadata.configuration, variant: variant)
      ?? RuleFile.usualPreprocessing(metadata.configuration)
    metadata.preprocessing = found.values
    notes += found.doubts.map { LoadNote(.assumed, key: "preprocessing", $0) }
  }
}

extension RuleFile {
  /// For users' own rule files that do not give it.
  fileprivate static func usualPreprocessing(_ configuration: JSON) -> (values: JSON, doubts: [String]) {
    let numbers = { (texts: [String]) in JSON.array(texts.map { .number($0) }) }
    return (
      .object([
        "size": configuration["image_size"] ?? .int(224), "interpolation": .string("bicubic"),
        "crop": .double(0.875), "mean": numbers(["0.485", "0.456", "0.406"]),
        "std": numbers(["0.229", "0.224", "0.225"]),
      ]),
      [
        "the rule file has no section 'preprocessing': ImageNet's mean and std, bicubic and crop 0.875 were taken"
      ]
    )
  }
}
