import Foundation
import PackagePlugin

/// Makes the rule files of `converters/` and their Python templates part of the module VTConverters, and the recipes of
/// `recipes/` part of VTTraining. They become strings: as the array of bytes that `.embedInCode` makes, they took the
/// compiler a minute.
///
/// The plugin writes the file itself. A tool that did it would be built with everybody's flags, and cannot be
/// with libFuzzer's, which brings a main function along.
@main struct EmbedRules: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let root = context.package.directoryURL
    let files: [URL]
    if target.name == "VTTraining" {
      files = try contents(root.appending(path: "recipes")).filter { $0.pathExtension == "json" }
    } else {
      let folders = try contents(root.appending(path: "converters")).filter(\.hasDirectoryPath)
      files = try folders.flatMap(contents).filter { ["yaml", "txt"].contains($0.pathExtension) }
    }
    let output = context.pluginWorkDirectoryURL.appending(path: "Embedded")
    try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    let code = try swift(files)
    let file = output.appending(path: "EmbeddedFiles.swift")
    // Left alone where it says the same: a new file would be compiled again.
    if (try? String(contentsOf: file, encoding: .utf8)) != code {
      try code.write(to: file, atomically: true, encoding: .utf8)
    }
    return [
      .prebuildCommand(
        displayName: "Embedding rule files and recipes", executable: URL(filePath: "/usr/bin/true"),
        arguments: [], outputFilesDirectory: output)
    ]
  }

  private func contents(_ folder: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
      .sorted { $0.path < $1.path }
  }

  private func swift(_ files: [URL]) throws -> String {
    // Ends a literal; no file may say so itself.
    let mark = "###"
    var code = "enum EmbeddedFiles {\n  static let all: [(path: String, text: String)] = [\n"
    for file in files {
      let text = try String(contentsOf: file, encoding: .utf8)
      guard !text.contains("\"\"\"" + mark), !text.contains("\\" + mark), !text.contains("\r") else {
        throw EmbeddingError(description: "\(file.path) has characters that cannot be embedded")
      }
      let path = file.pathComponents.suffix(2).joined(separator: "/")
      // The line break behind the text keeps its last one: a literal ends before the last.
      code += "    (\"\(path)\", \(mark)\"\"\"\n\(text)\n\"\"\"\(mark)),\n"
    }
    return code + "  ]\n}\n"
  }
}

private struct EmbeddingError: Error, CustomStringConvertible {
  let description: String
}
