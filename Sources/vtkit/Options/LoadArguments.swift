import ArgumentParser
import Checkpoint
import Conversion
import Foundation

/// Options that say what a checkpoint is, where it does not say so itself.
struct LoadArguments: ParsableArguments {
  @Option(help: "The architecture (vit, ...); recognized where left out.")
  var architecture: String?

  @Option(name: .customLong("from"), help: "The dialect of the tensors' names; recognized where left out.")
  var dialect: String?

  @Option(
    help:
      "The key, attribute or layer under which the file holds the network (model_ema, teacher.backbone, resnet50); found where left out."
  )
  var key: String?

  @Option(help: "A rule file of your own (docs/adding-a-dialect.md). May be repeated.")
  var rules: [String] = []

  @Option(help: "A JSON file with configuration keys that the file does not settle.")
  var modelConfig: String?

  @Option(help: "Leave out tensors whose names match (* stands for anything). May be repeated.")
  var ignore: [String] = []

  @Option(help: "Do without tensors whose names match. May be repeated.")
  var allowMissing: [String] = []

  func options() throws -> LoadOptions {
    for path in rules { Dialects.add(try RuleFile(path: path)) }
    return LoadOptions(
      architecture: architecture, dialect: dialect, key: key,
      configuration: try modelConfig.map(Self.readConfiguration), ignore: ignore,
      allowMissing: allowMissing)
  }

  /// - Throws: `Failure` where the file is missing or no JSON object.
  static func readConfiguration(_ path: String) throws -> JSON {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure.system("reading", file: path, code: ENOENT)
    }
    do {
      let json = try JSON(parsing: data)
      guard json.members != nil else { throw Failure("the configuration is no JSON object") }
      return json
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  /// Loads, and tells what was assumed or left out.
  func load(_ path: String) throws -> LoadedCheckpoint {
    let loaded = try LoadedCheckpoint.load(path, options())
    for key in loaded.assumed {
      Console.line(
        "note: \(path) does not record \(key); taking \(loaded.metadata.configuration[key]?.text() ?? "?") as published models have (--model-config overrides)"
      )
    }
    for note in loaded.notes { Console.line("note: " + note.text) }
    if !loaded.ignored.isEmpty {
      let reasons = Set(loaded.ignored.map(\.reason)).sorted().joined(separator: "; ")
      Console.line("note: \(loaded.ignored.count) tensors of \(path) left out (\(reasons))")
    }
    return loaded
  }
}
