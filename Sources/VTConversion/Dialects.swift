import Synchronization
import VTCheckpoint
import VTConverters
import VTCore

/// The built-in converters, and those that a program has added.
package enum Dialects {
  /// The architectures that have rule files.
  static var architectures: Set<String> {
    Set(EmbeddedConverters.files.map { String($0.name.prefix { $0 != "-" }) } + added.map(\.architecture))
  }

  // The user's own rule files.
  private static let own = Mutex<[RuleFile]>([])
  private static var added: [RuleFile] { own.withLock { $0 } }

  /// Registers a rule file in this process, for reading and writing. It replaces a built-in one of the same
  /// architecture and dialect.
  package static func add(_ file: RuleFile) {
    own.withLock { files in
      files.removeAll { $0.isSameDialect(as: file) }
      files.append(file)
    }
  }

  /// Every rule file, parsed.
  /// - Parameters:
  ///   - architecture: only those of this architecture; the others are not parsed.
  ///   - format: only those whose library writes this format, likewise.
  ///   - dialect: only those of this name or alias, likewise.
  ///   - extended: only those that extend this dialect's file, likewise.
  ///   - names: only those whose marks can be among these names, likewise.
  /// - Throws: `Failure` naming file and line.
  package static func all(
    architecture: String? = nil, format: FileFormat? = nil, dialect: String? = nil,
    extending extended: String? = nil, markedIn names: [String]? = nil
  ) throws -> [RuleFile] {
    let joined = names.map { Array($0.joined(separator: "\n").utf8) }
    let added = added
    let builtIn = try EmbeddedConverters.files.compactMap { file -> RuleFile? in
      if let architecture, !file.name.hasPrefix(architecture + "-") { return nil }
      let header = header(of: file.bytes)
      if let extended, header["extends"] != extended { return nil }
      let base = try header["extends"].map { try fileExtended($0, by: file.name) }
      func value(_ key: String) -> String? { header[key] ?? base.flatMap { self.header(of: $0.bytes)[key] } }
      if let format, value("format") != format.rawValue { return nil }
      if let dialect, header["dialect"] != dialect, header["alias"] != dialect { return nil }
      if let joined, let marks = value("detect"), !mayBeMarked(marks, joined) { return nil }
      let parsed = try parsed(file.name, file.bytes, base: base?.bytes)
      return added.contains { $0.isSameDialect(as: parsed) } ? nil : parsed
    }
    let fitting = added.filter {
      (architecture == nil || $0.architecture == architecture)
        && (format == nil || $0.format == format)
        && (dialect == nil || $0.dialect == dialect || $0.alias == dialect)
        && (extended == nil || $0.base == extended)
    }
    return fitting + builtIn
  }

  // Cache of parsed rule files: parsing one takes longer than recognizing a checkpoint.
  private static let cache = Mutex<[String: RuleFile]>([:])

  private static func parsed(_ name: String, _ bytes: [UInt8], base: [UInt8]?) throws -> RuleFile {
    if let known = cache.withLock({ $0[name] }) { return known }
    let file = try RuleFile(
      fileName: name, text: String(decoding: bytes, as: UTF8.self),
      base: base.map { String(decoding: $0, as: UTF8.self) }, validating: false, isBuiltIn: true)
    cache.withLock { $0[name] = file }
    return file
  }

  /// A rule file's plain `key: value` lines before its first indented one, read without a YAML parser.
  private static func header(of bytes: [UInt8]) -> [String: String] {
    var result: [String: String] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 16).prefix(16) {
      if line.first == UInt8(ascii: " ") { break }
      guard line.first != UInt8(ascii: "#"), let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
        continue
      }
      result[String(decoding: line[..<colon], as: UTF8.self)] = String(
        decoding: line[colon...].dropFirst(2), as: UTF8.self)
    }
    return result
  }

  /// Whether the fixed part of every mark (`detect`) occurs in the names: cheap, and never a false no.
  private static func mayBeMarked(_ marks: String, _ names: [UInt8]) -> Bool {
    marks.dropFirst().dropLast().split(separator: ",").allSatisfy { mark in
      // The text outside of placeholders; the longest piece is the most specific.
      let text = mark.filter { $0 != "\"" && $0 != " " }
      let pieces = text.split(separator: "{", omittingEmptySubsequences: false).enumerated().flatMap {
        index, piece in (index == 0 ? piece : piece.drop { $0 != "}" }.dropFirst()).split(separator: "*")
      }
      guard let longest = pieces.max(by: { $0.utf8.count < $1.utf8.count }) else { return true }
      return contains(names, Array(longest.utf8))
    }
  }

  /// Whether a run of bytes occurs within others.
  private static func contains(_ all: [UInt8], _ part: [UInt8]) -> Bool {
    guard let first = part.first, part.count <= all.count else { return part.isEmpty }
    return all.withUnsafeBufferPointer { all in
      part.withUnsafeBufferPointer { part in
        for start in 0...(all.count - part.count) where all[start] == first {
          var length = 1
          while length < part.count, all[start + length] == part[length] { length += 1 }
          if length == part.count { return true }
        }
        return false
      }
    }
  }

  /// The file of another dialect of the same architecture (`extends: microsoft`).
  private static func fileExtended(_ dialect: String, by fileName: String, architecture: String? = nil) throws
    -> (name: String, bytes: [UInt8])
  {
    let name = (architecture ?? String(fileName.prefix { $0 != "-" })) + "-" + dialect + ".yaml"
    guard let file = EmbeddedConverters.files.first(where: { $0.name == name }) else {
      throw Failure("there is no rule file '\(name)' to extend", file: fileName)
    }
    return file
  }

  /// The text of the built-in file that a rule file extends, if any.
  static func base(of fileName: String, _ text: String) throws -> String? {
    let header = header(of: Array(text.utf8))
    return try header["extends"].map {
      String(
        decoding: try fileExtended($0, by: fileName, architecture: header["architecture"]).bytes,
        as: UTF8.self)
    }
  }

  /// The rule file of a dialect.
  /// - Parameter architecture: nil if the dialect's name alone decides.
  /// - Throws: `Failure` listing the available ones.
  package static func named(_ dialect: String, architecture: String?) throws -> RuleFile {
    if let architecture, !architectures.contains(architecture) {
      throw Failure(
        .usage, "there is no converter for the architecture '\(architecture.printable)'",
        hint: "known are " + architectures.sorted().joined(separator: ", "))
    }
    let found = try all(architecture: architecture, dialect: dialect).filter { $0.dialect == dialect }
    if found.count == 1 { return found[0] }
    let known = try all(architecture: architecture)
    if found.count > 1 {
      throw Failure(
        .usage, "the dialect '\(dialect)' exists for several architectures",
        hint: "pass --architecture \(found.map(\.architecture).joined(separator: " or "))")
    }
    let close = dialect.closest(in: known.map(\.dialect))
    throw Failure(
      .usage,
      "there is no dialect '\(dialect)'" + (architecture.map { " for \($0)" } ?? ""),
      hint: close.isEmpty
        ? "known are native, " + known.map(\.dialect).joined(separator: ", ")
        : "did you mean \(close.joined(separator: ", "))? See 'vtkit dialects'")
  }

  /// The options that select a rule file: its dialect, and its architecture if several have such a dialect.
  static func options(for file: RuleFile) throws -> String {
    let isAlone = try all(dialect: file.dialect).filter { $0.dialect == file.dialect }.count == 1
    return "--from \(file.dialect)" + (isAlone ? "" : " --architecture \(file.architecture)")
  }

  /// The names of a dialect's variants; empty if it has only one form.
  package static func variants(of dialect: String, _ metadata: NativeMetadata) throws -> [String] {
    try named(dialect, architecture: metadata.configuration["architecture"]?.string).variants.map(\.name)
      .filter { !$0.isEmpty }
  }

  /// The rule files that a dialect's name or alias may mean for reading.
  /// - Throws: `Failure` listing the available ones.
  static func reading(_ dialect: String, architecture: String?) throws -> [RuleFile] {
    let first = try named(dialect, architecture: architecture)
    return try [first]
      + all(architecture: first.architecture, dialect: dialect).filter { $0.alias == dialect }
  }

  /// The default dialect to write: the one that the weights came from, if its library uses the format; native
  /// if they came from none; else the only one of the architecture that uses the format.
  /// - Parameters:
  ///   - metadata: the network's; its provenance records where the weights came from.
  ///   - hint: what to do, given the dialects to choose from.
  /// - Throws: `Failure` listing the choices if there is more than one, or none.
  package static func usual(
    for format: FileFormat, metadata: NativeMetadata, hint: ([String]) -> String
  ) throws -> String {
    let origin = metadata.provenance?["source_dialect"]?.string ?? NativeMetadata.nativeDialect
    if origin == NativeMetadata.nativeDialect { return origin }
    let architecture = metadata.configuration["architecture"]?.string
    let files = try all(architecture: architecture ?? "")
    // Tensors that came in this format may go back in it, whatever their library usually writes.
    let source = metadata.provenance?["source_file"]?.string.flatMap { try? FileFormat(path: $0) }
    let fitting = files.filter { $0.formats.contains(format) }
    if (source == format ? files : fitting).contains(where: { $0.dialect == origin }) { return origin }
    if fitting.count == 1 { return fitting[0].dialect }
    let isKnown = files.contains { $0.dialect == origin }
    throw Failure(
      .usage,
      "the weights came from the dialect '\(origin)', "
        + (isKnown
          ? "whose library does not use \(format.rawValue) files: name the dialect to write"
          : "which is unknown here: name the dialect to write"),
      // Those that usually use the format come first.
      hint: hint(
        (fitting.filter { $0.format == format } + fitting.filter { $0.format != format }).map(\.dialect)
          + [NativeMetadata.nativeDialect]))
  }
}
