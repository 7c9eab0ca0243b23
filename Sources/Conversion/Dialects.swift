import Checkpoint
import Converters
import Synchronization

/// The converters that are built in.
public enum Dialects {
  /// The architectures that there are rule files for.
  static var architectures: Set<String> {
    Set(EmbeddedConverters.files.map { String($0.name.prefix { $0 != "-" }) })
  }

  /// Every rule file, parsed.
  /// - Parameters:
  ///   - format: only those whose library writes this format; found without parsing the others.
  ///   - dialect: only those of this name or alias, likewise.
  ///   - names: only those whose marks can be among these tensors' names, likewise.
  /// - Throws: `Failure` naming file and line.
  public static func all(
    format: FileFormat? = nil, dialect: String? = nil, markedIn names: [String]? = nil
  ) throws -> [RuleFile] {
    let joined = names.map { Array($0.joined(separator: "\n").utf8) }
    return try EmbeddedConverters.files.compactMap { file -> RuleFile? in
      let text = String(decoding: file.bytes, as: UTF8.self)
      if let format, !text.contains("\nformat: \(format.rawValue)\n") { return nil }
      if let dialect, !text.contains("\ndialect: \(dialect)\n"), !text.contains("\nalias: \(dialect)\n") {
        return nil
      }
      let base = try base(of: file.name, text)
      if let joined, !mayBeMarked(text, base: base, joined) { return nil }
      return try parsed(file.name, text, base: base)
    }
  }

  // Rule files that have been parsed: reading one takes longer than recognizing a checkpoint.
  private static let cache = Mutex<[String: RuleFile]>([:])

  private static func parsed(_ name: String, _ text: String, base: String?) throws -> RuleFile {
    if let known = cache.withLock({ $0[name] }) { return known }
    let file = try RuleFile(fileName: name, text: text, base: base, validating: false)
    cache.withLock { $0[name] = file }
    return file
  }

  /// Whether the fixed part of every mark (`detect`) stands somewhere in the names: cheap, and never wrongly no.
  private static func mayBeMarked(_ text: String, base: String?, _ names: [UInt8]) -> Bool {
    let marks = [text, base ?? ""].lazy.compactMap { source in
      source.split(separator: "\n").first { $0.hasPrefix("detect: [") }
    }.first
    guard let marks else { return true }
    return marks.dropFirst("detect: [".count).dropLast().split(separator: ",").allSatisfy { mark in
      // What stands outside of placeholders; the longest piece says most.
      let pieces = mark.filter { $0 != "\"" && $0 != " " }.split(separator: "{").map { piece in
        piece.split(separator: "}").last ?? ""
      }
      guard let longest = pieces.max(by: { $0.utf8.count < $1.utf8.count }) else { return true }
      return names.contains(Array(longest.utf8))
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
