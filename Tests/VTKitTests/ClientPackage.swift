import Foundation
import TestSupport
import Testing

/// A package that uses VTKit from outside, built against this checkout.
///
/// All of them share one build folder, which is kept: VTKit itself is compiled for clients once, and again only where it
/// has changed. The first time takes as long as any client's first build, about two minutes on 2 cores.
enum ClientPackage {
  static let scratch = Fixtures.root + "/.build/clients"

  /// Builds a package.
  /// - Parameter path: the package's folder.
  /// - Returns: the folder of the executables.
  static func build(_ path: String) throws -> String {
    let arguments = ["swift", "build", "--package-path", path, "--scratch-path", scratch]
    let built = try run("/usr/bin/env", arguments)
    try #require(built.status == 0, "\(built.output)\n\(built.error)")
    #expect(!built.output.contains("warning:") && !built.error.contains("warning:"), "\(built.output)")
    let bin = try run("/usr/bin/env", arguments + ["--show-bin-path"])
    return bin.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  static func run(_ program: String, _ arguments: [String], in folder: String? = nil) throws -> (
    status: Int32, output: String, error: String
  ) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let files = try TemporaryFolder()
    let paths = [files.file("output"), files.file("error")]
    let handles = try paths.map { path in
      _ = FileManager.default.createFile(atPath: path, contents: nil)
      return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }
    (process.standardOutput, process.standardError) = (handles[0], handles[1])
    try process.run()
    process.waitUntilExit()
    let texts = try paths.map { try String(contentsOfFile: $0, encoding: .utf8) }
    return (process.terminationStatus, texts[0], texts[1])
  }
}
