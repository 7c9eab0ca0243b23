import ArgumentParser
import Checkpoint
import Conversion
import VisionModels

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the networks that have names.",
    discussion: "Example: vtkit models")

  @Flag(help: "Write JSON.")
  var json = false

  func run() throws {
    if json {
      let items = Preset.all.map { preset -> JSON in
        .object([
          "name": .string(preset.name), "architecture": .string(preset.architecture),
          "parameters": .int(preset.publishedParameterCount),
          "configuration": preset.configuration,
        ])
      }
      print(JSON.array(items).text(pretty: true))
      return
    }
    var table = Table(
      ("model", .left), ("architecture", .left), ("picture", .right), ("parameters", .right))
    for preset in Preset.all {
      table.add(
        preset.name, preset.architecture, "\(preset.configuration["image_size"]?.int ?? 0)",
        Format.count(preset.publishedParameterCount))
    }
    print(table.text)
  }
}

struct DialectsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dialects",
    abstract: "Lists the naming schemes that can be read and written.",
    discussion: "Example: vtkit dialects --architecture vit")

  @Option(help: "Only those of one architecture.")
  var architecture: String?

  @Flag(help: "Write JSON.")
  var json = false

  func run() throws {
    let files = try Dialects.all().filter { architecture == nil || $0.architecture == architecture }
    guard !files.isEmpty else {
      throw Failure(
        .usage, "there is no dialect for '\(architecture ?? "")'",
        remedy: "known are " + Set(try Dialects.all().map(\.architecture)).sorted().joined(separator: ", "))
    }
    if json {
      let items = files.map { file -> JSON in
        .object([
          "architecture": .string(file.architecture), "dialect": .string(file.dialect),
          "format": .string(file.format.rawValue), "description": .string(file.description),
          "library": .string(file.library), "rule_file": .string(file.fileName),
        ])
      }
      print(JSON.array(items).text(pretty: true))
      return
    }
    var table = Table(
      ("architecture", .left), ("dialect", .left), ("format", .left), ("files of", .left))
    for file in files {
      table.add(file.architecture, file.dialect, file.format.rawValue, file.description)
    }
    print(table.text)
  }
}
