import VTCheckpoint
import VTConversion
import VTCore
import VTModels

/// `--export` targets: `FILE` or `FOLDER/`, or `DIALECT:FILE` where other names are wanted than those that the weights
/// came with.
package struct ExportTarget {
  let destination: Destination
  let dialect: String
  var path: String { destination.path }

  /// What can be told from the text alone.
  private struct Text {
    let dialect: String?
    let destination: Destination

    /// - Throws: `Failure` where the word before a colon is not a dialect, or the path's suffix not a format.
    init(_ text: String) throws {
      guard let colon = text.firstIndex(of: ":"), Self.isWord(text[..<colon]) else {
        dialect = nil
        destination = try Destination(text)
        return
      }
      let name = String(text[..<colon])
      let known = Set(try Dialects.all().map(\.dialect) + [NativeMetadata.nativeDialect])
      guard known.contains(name) else {
        let close = name.closest(in: known.sorted())
        throw Failure(
          .usage, "--export \(text.printable): there is no dialect '\(name)'",
          hint: (close.isEmpty
            ? "see 'vtkit dialects'" : "did you mean \(close.joined(separator: " or "))?")
            + " A file of this name is given as ./\(text.printable)")
      }
      dialect = name
      let path = String(text[text.index(after: colon)...])
      guard !path.isEmpty else {
        throw Failure(
          .usage, "--export \(text.printable) names no file", hint: "give it as --export \(name):FILE")
      }
      destination = try Destination(path)
    }

    private static func isWord(_ text: Substring) -> Bool {
      !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
    }
  }

  init(_ text: String, metadata: NativeMetadata) throws {
    let parts = try Text(text)
    destination = parts.destination
    dialect =
      try parts.dialect
      ?? destination.usualDialect(metadata) {
        "pass --export DIALECT:\(parts.destination.path.printable) where DIALECT is "
          + $0.joined(separator: " or ")
      }
    guard dialect != NativeMetadata.nativeDialect else { return }
    let architecture = metadata.configuration["architecture"]?.string
    do { _ = try Dialects.named(dialect, architecture: architecture) } catch var failure as Failure {
      failure.problem = "--export \(text.printable): " + failure.problem
      throw failure
    }
  }

  /// Refuses, before anything is read, what needs no network to be known as wrong: no such dialect, an unknown suffix, a
  /// file that exists, a folder that is missing or may not be written to, two exports to one file.
  /// - Parameter run: the folder that training makes; exports may go into it.
  package static func checkPaths(_ texts: [String], run: String, overwrite: Bool) throws {
    var seen: Set<String> = []
    for text in texts {
      let destination = try Text(text).destination
      guard seen.insert(destination.path.absolutePath).inserted else {
        throw Failure(
          .usage, "two exports go to the same place", file: destination.path,
          hint: "give each --export a path of its own")
      }
      guard !destination.isFolder || OutputFolder.trimmed(destination.path).absolutePath != run.absolutePath
      else {
        throw Failure(
          .usage, "the export is the run folder itself", file: destination.path,
          hint: "give --export a folder of its own, such as \(OutputFolder.trimmed(run))/model/")
      }
      try checkPlace(destination, run: run)
      try destination.check(overwrite: overwrite, madeMeanwhile: run)
    }
  }

  /// The same target wherever the process runs.
  var absolute: String { dialect + ":" + path.absolutePath + (destination.isFolder ? "/" : "") }

  /// Fails where the dialect cannot hold the network, before training has taken its time.
  func check(_ metadata: NativeMetadata) throws {
    let declarations = try Models.parameterDeclarations(metadata.configuration)
    let shapes = try StateDict(
      declarations.map { declaration in
        StoredTensor(name: declaration.name, type: .f32, shape: declaration.shape) {
          throw Failure("a check of names and shapes reads no numbers", tensor: declaration.name)
        }
      })
    do {
      _ = try exported(shapes, metadata: metadata, keepsDrloc: false)
    } catch var failure as Failure {
      failure.problem = "the export cannot be written: " + failure.problem
      throw failure.located(file: path)
    }
  }

  /// - Returns: what to know of it, what was written, in words, and the same for the report.
  func write(_ weights: StateDict, metadata: NativeMetadata, keepsDrloc: Bool, overwrite: Bool) throws -> (
    notes: [String], told: String, report: ReportExport
  ) {
    let exported = try exported(weights, metadata: metadata, keepsDrloc: keepsDrloc)
    let files = try destination.write(exported, overwrite: overwrite)
    return (
      exported.notes(dialect: dialect),
      "exported \(path) (dialect \(dialect), \(exported.store.count.counted("tensor")))",
      ReportExport(
        path: path, dialect: dialect,
        python: exported.python(metadata.configuration, at: destination, files: files))
    )
  }

  private func exported(_ weights: StateDict, metadata: NativeMetadata, keepsDrloc: Bool) throws
    -> ExportedCheckpoint
  {
    try ExportedCheckpoint.make(
      weights, metadata: metadata, dialect: dialect, keepsDrloc: keepsDrloc, for: destination,
      modelName: Models.name(of: metadata.configuration))
  }
}
