import Foundation
import VTCore
import VTModels

/// What was run, where, on what, and how to use what came out.
extension ReportPage {
  var facts: String {
    part("Process", process) + part("Network", networkFacts) + part("Data", dataFacts)
  }

  private func part(_ title: String, _ rows: [(String, String)]) -> String {
    rows.isEmpty
      ? ""
      : "<h3>\(title)</h3><table class=\"facts\">"
        + rows.map { "<tr><th>\($0.0.htmlEscaped)</th><td>\($0.1)</td></tr>" }.joined() + "</table>"
  }

  /// The rows' values are HTML.
  private var process: [(String, String)] {
    guard let first = sessions.first, let last = sessions.last else { return [] }
    var rows: [(String, String)] = []
    for (index, session) in sessions.enumerated() {
      guard let command = session.command else { continue }
      rows.append((index == 0 ? "command" : "then", "<pre>\(Self.shell(command).htmlEscaped)</pre>"))
    }
    let versions = sessions.map(\.version).reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
    rows.append(("VTKit", versions.joined(separator: ", then ").htmlEscaped))
    rows.append(("began", Self.date(first.began)))
    let pauses = sessions.count == 1 ? "" : ", in \(sessions.count) parts"
    let speed =
      epochs.last?["images_per_second"]?.double.map {
        "; \(Int($0.rounded())) images a second in the last epoch"
      } ?? ""
    rows.append(("training took", Format.duration(trainingSeconds) + pauses + speed))
    rows.append(("updates", Format.count(state.updates)))
    rows.append(("processor", last.processor.htmlEscaped))
    rows.append(("threads", "\(last.threads)"))
    rows.append(("instruction set", last.instructions.htmlEscaped))
    rows.append(("matrix library", last.matrixLibrary.htmlEscaped))
    rows.append(("system", last.system.htmlEscaped))
    return rows
  }

  /// Of all sessions. One that was killed counts up to its last whole epoch.
  var trainingSeconds: Double {
    let times = epochs.compactMap { $0["time"]?.double }
    return sessions.enumerated().reduce(0) { sum, item in
      if let seconds = item.element.seconds { return sum + seconds }
      let began = item.element.began
      let next = item.offset + 1 < sessions.count ? sessions[item.offset + 1].began : .infinity
      return sum + (times.last { $0 >= began && $0 < next }.map { $0 - began } ?? 0)
    }
  }

  private static func date(_ seconds: Double) -> String {
    let text = Date(timeIntervalSince1970: seconds.rounded(.down)).formatted(.iso8601)
    return text.replacing("T", with: " ").replacing("Z", with: " UTC")
  }

  /// The command as a shell takes it.
  static func shell(_ command: [String]) -> String {
    let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-_./=:,+@%"))
    return command.enumerated().map { index, word in
      let word = index == 0 ? (word as NSString).lastPathComponent : word
      let isPlain = !word.isEmpty && word.unicodeScalars.allSatisfy { plain.contains($0) && $0.isASCII }
      return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }.joined(separator: " ")
  }

  private var networkFacts: [(String, String)] {
    let shape = configuration.metadata.configuration
    var rows: [(String, String)] = []
    if let name = Models.name(of: shape) { rows.append(("name", name.htmlEscaped)) }
    if let file = configuration.checkpoint {
      rows.append(("began with", file.htmlEscaped))
      if let digest = configuration.metadata.provenance?["source_sha256"]?.string {
        rows.append(("its SHA-256", "<code>\(digest.htmlEscaped)</code>"))
      }
    } else {
      rows.append(("began with", "random weights"))
    }
    if let teacher = configuration.teacher {
      let name = Models.name(of: teacher.configuration).map { " (\($0))" } ?? ""
      rows.append(("learned from the teacher", (teacher.source + name).htmlEscaped))
    }
    if network.parameterCount > 0 {
      rows.append(("parameters", Format.count(network.parameterCount)))
      rows.append(("numbers trained", Format.count(network.trainedCount) + drlocRemark))
    }
    for member in shape.members ?? [] {
      rows.append((member.key.replacing("_", with: " "), Self.text(member.value).htmlEscaped))
    }
    return rows
  }

  private var drlocRemark: String {
    configuration.recipe.drloc == nil ? "" : ", those of the drloc head with them"
  }

  private var dataFacts: [(String, String)] {
    let validation = data.validationFolder.map { " (\(data.title(of: $0)))" } ?? ""
    let test = data.testFolder.map { " (\(data.title(of: $0)))" } ?? ""
    var rows = [
      ("data", configuration.data.htmlEscaped), ("kind", data.kind.htmlEscaped),
      ("classes", "\(classes.count): \(classes.joined(separator: ", ").htmlEscaped)"),
      ("training images", Format.count(data.training.count)),
      ("validation images", Format.count(data.validation.count) + validation.htmlEscaped),
    ]
    if !data.test.isEmpty {
      rows.append(("test images", Format.count(data.test.count) + test.htmlEscaped))
    }
    if let images = extras.images { rows.append(("preprocessing", images.htmlEscaped)) }
    return rows
  }

  /// How the weights are used.
  var exports: String {
    guard !folder.isEmpty else { return "" }
    let own = Self.shell(["vtkit", "predict", "--checkpoint", folder, "IMAGE"])
    let parts = extras.exports.map { export in
      let python = export.python.map { "<pre>\($0.htmlEscaped)</pre>" } ?? ""
      let command = Self.shell(["vtkit", "predict", "--checkpoint", export.path, "IMAGE"])
      return """
        <h3>\(export.path.htmlEscaped)</h3><p>Names and layouts of the dialect <code>\(export.dialect.htmlEscaped)</code>.</p>
        \(python)<pre>\(command.htmlEscaped)</pre>
        """
    }
    return """
      \(parts.joined())
      <h3>The run folder</h3><p>It is a checkpoint, too: of the best epoch.</p>
      <pre>\(own.htmlEscaped)</pre>
      \(kept)
      """
  }
}
