// Writes a Swift file with the texts of others: embed-rules OUTPUT ROOT FILE... See Plugins/EmbedRules.
import Foundation

let (output, root, files) = (
  CommandLine.arguments[1], CommandLine.arguments[2] + "/", CommandLine.arguments.dropFirst(3)
)
var code = "enum EmbeddedFiles {\n  static let all: [(path: String, text: String)] = [\n"
for file in files {
  let text = try String(contentsOfFile: file, encoding: .utf8)
  // Ends the literal only where no file says so itself; a line of its own keeps the last line's end.
  let mark = String(repeating: "#", count: 3)
  guard !text.contains("\"\"\"" + mark), !text.contains("\\" + mark), !text.contains("\r") else {
    fatalError("\(file) has characters that cannot be embedded")
  }
  let path = file.hasPrefix(root) ? String(file.dropFirst(root.count)) : file
  code += "    (\"\(path)\", \(mark)\"\"\"\n\(text)\n\"\"\"\(mark)),\n"
}
code += "  ]\n}\n"
try code.write(toFile: output, atomically: true, encoding: .utf8)
