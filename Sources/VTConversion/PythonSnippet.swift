import Foundation
import VTCheckpoint
import VTCore

/// The Python lines that load an exported file in the dialect's own library: text with `{expressions}` over
/// the configuration.
struct PythonSnippet: Sendable {
  /// The condition for this case; nil means always.
  let when: Expression?
  /// Maps native values to the library's.
  let values: [String: String]
  /// nil if the library has no such network.
  private let parts: [Part]?

  private enum Part: Sendable {
    case text(String)
    case expression(Expression)
    case special(Special)
  }

  private enum Special: String {
    /// The import that `tensors` needs.
    case importing = "import"
    /// A Python expression for the dictionary of the file's tensors.
    case tensors
    /// The file's path.
    case path
  }

  /// - Throws: `Failure` if an expression is malformed.
  init(when: Expression?, values: [String: String], text: String?) throws {
    self.when = when
    self.values = values
    parts = try text.map { text in
      var parts: [Part] = []
      var rest = Substring(text)
      while let open = rest.firstIndex(of: "{") {
        parts.append(.text(String(rest[..<open])))
        guard let close = rest[open...].firstIndex(of: "}") else { throw Failure("a brace is not closed") }
        let inner = String(rest[rest.index(after: open)..<close])
        parts.append(try Special(rawValue: inner).map { .special($0) } ?? .expression(Expression(inner)))
        rest = rest[rest.index(after: close)...]
      }
      return parts + [.text(String(rest))]
    }
  }

  /// - Returns: nil if the library has no such network, or does not read such files.
  func text(_ configuration: JSON, files: [String], format: FileFormat) -> String? {
    guard let parts else { return nil }
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .expression(let expression):
        guard let value = expression.evaluate({ configuration[$0] }) else { return nil }
        result += python(value)
      case .special(.path): result += quoted(files[0])
      case .special(let special):
        guard let tensors = Self.tensors(files, format) else { return nil }
        result += special == .importing ? tensors.importing : tensors.expression
      }
    }
    return result.trimmingCharacters(in: .newlines)
  }

  private func python(_ value: JSON) -> String {
    switch value {
    case .null: "None"
    case .bool(let flag): flag ? "True" : "False"
    case .string(let text): quoted(values[text] ?? text)
    case .array(let items): "[" + items.map(python).joined(separator: ", ") + "]"
    default: value.text()
    }
  }

  /// PyTorch's libraries take a dictionary of tensors, whatever the file format.
  private static func tensors(_ files: [String], _ format: FileFormat) -> (
    importing: String, expression: String
  )? {
    let path = quoted(files[0])
    switch format {
    case .safetensors where files.count == 1:
      return ("from safetensors.torch import load_file", "load_file(\(path))")
    case .safetensors:
      let names = files.filter { !$0.hasSuffix(".json") }.map(quoted).joined(separator: ", ")
      return (
        "from safetensors.torch import load_file",
        "{name: tensor for file in [\(names)] for name, tensor in load_file(file).items()}"
      )
    case .pytorch: return ("import torch", "torch.load(\(path), weights_only=True)")
    case .npz:
      return (
        "import numpy, torch",
        "{name: torch.from_numpy(array) for name, array in numpy.load(\(path)).items()}"
      )
    case .hdf5, .keras: return nil
    }
  }
}

/// Text as a Python literal.
func quoted(_ text: String) -> String {
  let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  return "\"" + escaped + "\""
}

extension ExportedCheckpoint {
  /// The Python lines that load the exported file in the dialect's library.
  /// - Parameters:
  ///   - configuration: the network's.
  ///   - files: what was written; several with their index last.
  ///   - format: of the files.
  /// - Returns: nil if the library has no such network or does not read such files.
  package func pythonSnippet(_ configuration: JSON, files: [String], format: FileFormat) -> String? {
    guard let rules else { return nil }
    let torch: [FileFormat] = [.safetensors, .pytorch]
    guard format == rules.format || torch.contains(rules.format) && (torch + [.npz]).contains(format) else {
      return nil
    }
    let own = wildcards.compactMapValues { Int($0).map { JSON.int($0) } }
    let known = configuration.merging(own.merging(["variant": .string(variant)]) { $1 })
    let fitting = try? rules.pythonSnippets().first { snippet in snippet.when?.isTrue { known[$0] } ?? true }
    return fitting?.text(known, files: files, format: format).map { $0 + imagesComment }
  }
}
