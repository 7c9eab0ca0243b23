import ArgumentParser
import VTCore
import VTKit
import VTModels

/// The network that a training run begins with, where it is not the checkpoint's as it is.
struct StartArguments: ParsableArguments {
  @Flag(help: "Start from random weights (with --model or --model-config).")
  var fromScratch = false

  @Option(
    help: ArgumentHelp(
      "The network by name ('vtkit models'); checked against the checkpoint.", valueName: "name"),
    completion: .models)
  var model: String?

  @OptionGroup var changes: NetworkArguments

  @Flag(help: "Create a new classifier, even if the checkpoint's is for the same classes.")
  var newHead = false

  /// - Throws: `Failure` where options contradict each other or say too little.
  func check(checkpoint: String?, _ load: LoadArguments) throws {
    guard fromScratch != (checkpoint != nil) else {
      throw Failure(.usage, "Give either --checkpoint FILE or --from-scratch")
    }
    if fromScratch && !changes.isEmpty {
      throw Failure(
        .usage, "--image-size, --window-size and --in-channels change a checkpoint",
        hint: "with --from-scratch give them in --model-config")
    }
    if let problem = changes.changes().problem { throw Failure(.usage, problem) }
    if fromScratch && load.numHeads != nil {
      throw Failure(
        .usage, "--num-heads is for a checkpoint",
        hint: "with --from-scratch give num_heads in --model-config")
    }
    if fromScratch && model == nil && load.modelConfig == nil {
      throw Failure(.usage, "--from-scratch needs --model NAME or --model-config FILE")
    }
  }

  /// The network, changed as the options say.
  func start(_ checkpoint: String?, _ load: LoadArguments) throws -> Network {
    if fromScratch {
      let given = try load.options().configuration
      return try given.map { try Network(configuration: $0) } ?? Network(named: model ?? "")
    }
    let named = try model.map { try Models.named($0) }
    var start = try load.network(checkpoint ?? "")
    for note in try start.change(changes.changes()) { Console.line("note: " + note) }
    if let named { try start.check(isModel: named) }
    return start
  }
}
