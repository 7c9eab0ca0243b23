import ArgumentParser
import VTCheckpoint
import VTConversion
import VTCore
import VTModels

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Lists the named networks, or the keys of a configuration.",
    discussion: """
      With --keys, every key of the architectures' configurations (--model-config) is explained.

      Example: vtkit models
      """)

  @Argument(
    help: "With --keys: only this architecture's keys (vit, swin, cvt, t2t_vit, resnet).",
    completion: .architectures)
  var architecture: String?

  @OptionGroup(title: "Output") var output: ModelListArguments

  func validate() throws {
    if architecture != nil && !output.keys {
      throw ValidationError("An architecture is named with --keys.")
    }
  }

  func run() throws {
    let json = output.json
    if output.keys {
      let architectures = architecture.map { [$0] } ?? Models.architectures
      return json
        ? print(try ConfigurationPage.json(architectures).text(pretty: true))
        : print(try ConfigurationPage.text(architectures))
    }
    if json {
      let items = Models.all.map { preset -> JSON in
        .object([
          "name": .string(preset.name), "architecture": .string(preset.architecture),
          "parameters": .int(preset.parameterCount),
          "configuration": preset.configuration,
        ])
      }
      print(JSON.array(items).text(pretty: true))
      return
    }
    var table = Table(
      ("model", .left), ("architecture", .left), ("image", .right), ("parameters", .right))
    for preset in Models.all {
      table.add(
        preset.name, preset.architecture, "\(preset.configuration["image_size"]?.int ?? 0)",
        Format.count(preset.parameterCount))
    }
    print(table.text)
  }
}
