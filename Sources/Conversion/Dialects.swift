import Checkpoint
import Converters

/// The converters that are built in.
public enum Dialects {
  /// Every rule file, parsed.
  /// - Parameters:
  ///   - format: only those whose library writes this format; found without parsing the others.
  ///   - dialect: only those of this name or alias, likewise.
  /// - Throws: `Failure` naming file and line.
  public static func all(format: FileFormat? = nil, dialect: String? = nil) throws -> [RuleFile] {
    try EmbeddedConverters.files.compactMap { file in
      let text = String(decoding: file.bytes, as: UTF8.self)
      if let format, !text.contains("\nformat: \(format.rawValue)\n") { return nil }
      if let dialect, !text.contains("\ndialect: \(dialect)\n"), !text.contains("\nalias: \(dialect)\n") {
        return nil
      }
      return try RuleFile(
        fileName: file.name, text: text, base: base(of: file.name, text), validating: false)
    }
  }

  /// The text of the file that a rule file extends (`extends: microsoft`, of the same architecture).
  static func base(of fileName: String, _ text: String) throws -> String? {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("extends: ") }) else {
      return nil
    }
    let name = fileName.prefix { $0 != "-" } + "-" + line.dropFirst("extends: ".count) + ".yaml"
    guard let file = EmbeddedConverters.files.first(where: { $0.name == name }) else {
      throw Failure("there is no rule file '\(name)' to extend", file: fileName)
    }
    return String(decoding: file.bytes, as: UTF8.self)
  }

  /// The rule file of a dialect.
  /// - Parameter architecture: nil where the dialect's name alone decides.
  /// - Throws: `Failure` listing what there is.
  public static func named(_ dialect: String, architecture: String?) throws -> RuleFile {
    let found = try all(dialect: dialect).filter {
      $0.dialect == dialect && (architecture == nil || $0.architecture == architecture)
    }
    if found.count == 1 { return found[0] }
    let known = try all().filter { architecture == nil || $0.architecture == architecture }
    if found.count > 1 {
      throw Failure(
        .usage, "the dialect '\(dialect)' exists for several architectures",
        remedy: "pass --architecture \(found.map(\.architecture).joined(separator: " or "))")
    }
    let close = dialect.closest(in: known.map(\.dialect))
    throw Failure(
      .usage,
      "there is no dialect '\(dialect)'" + (architecture.map { " for \($0)" } ?? ""),
      remedy: close.isEmpty
        ? "known are native, " + known.map(\.dialect).joined(separator: ", ")
        : "did you mean \(close.joined(separator: ", "))? See 'vtkit dialects'")
  }

  /// The rule files that a dialect's name or alias may mean in reading.
  /// - Throws: `Failure` listing what there is.
  static func reading(_ dialect: String, architecture: String?) throws -> [RuleFile] {
    let first = try named(dialect, architecture: architecture)
    return try [first]
      + all(dialect: dialect).filter { $0.alias == dialect && $0.architecture == first.architecture }
  }

  /// The dialect to write where none is named: native for safetensors, else the one the weights came from,
  /// else the only one of the architecture that uses the format.
  /// - Throws: `Failure` listing the choices where there is no single one.
  public static func usual(for format: FileFormat, metadata: NativeMetadata) throws -> String {
    if format == .safetensors { return NativeMetadata.nativeDialect }
    let architecture = metadata.configuration["architecture"]?.string
    let files = try all().filter { $0.architecture == architecture && $0.format == format }
    if let origin = metadata.provenance?["source_dialect"]?.string,
      files.contains(where: { $0.dialect == origin })
    {
      return origin
    }
    guard files.count == 1 else {
      throw Failure(
        .usage, "the dialect of a \(format.rawValue) file must be named",
        remedy: "pass --to " + files.map(\.dialect).joined(separator: " or "))
    }
    return files[0].dialect
  }
}
