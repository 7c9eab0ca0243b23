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
