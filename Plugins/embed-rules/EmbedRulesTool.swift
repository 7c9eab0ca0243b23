import Foundation

/// Writes a Swift file with the texts of others: embed-rules OUTPUT ROOT FILE... See Plugins/EmbedRules.
@main enum EmbedRulesTool {
  static func main() throws {
    let (output, root) = (CommandLine.arguments[1], CommandLine.arguments[2] + "/")
    // Ends a literal; no file may say so itself.
    let mark = "###"
    var code = "enum EmbeddedFiles {\n  static let all: [(path: String, text: String)] = [\n"
    for file in CommandLine.arguments.dropFirst(3) {
      let text = try String(contentsOfFile: file, encoding: .utf8)
      guard !text.contains("\"\"\"" + mark), !text.contains("\\" + mark), !text.contains("\r") else {
        fatalError("\(file) has characters that cannot be embedded")
      }
      let path = file.hasPrefix(root) ? String(file.dropFirst(root.count)) : file
      // The line break behind the text keeps its last one: a literal ends before the last.
      code += "    (\"\(path)\", \(mark)\"\"\"\n\(text)\n\"\"\"\(mark)),\n"
    }
    code += "  ]\n}\n"
    try code.write(toFile: output, atomically: true, encoding: .utf8)
  }
}
