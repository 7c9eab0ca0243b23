// Trains a network of your own from random weights, with the verbs of the built-in ones:
//
//     swift run --package-path Examples OwnNetwork images run tuned.safetensors
//
// PatchMLP.swift has the network. The run folder, resuming, the report and the native store need nothing more.
import VTKit

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 3 else { throw Failure(.usage, "give images, a run folder and an output") }

Models.add(PatchMLP.self)
let network = try Network(
  configuration: .object([
    "architecture": .string("patch_mlp"), "image_size": .int(32), "num_classes": .int(0),
  ]))

var recipe = Recipe()
recipe.epochs = 4
recipe.batchSize = 8
recipe.learningRate = 1e-3
let run = try network.fineTune(on: ImageFolder(arguments[0]), recipe: recipe, output: arguments[1]) { event in
  if case .epochEnded = event { print(event) }
}
try run.best.network.write(to: arguments[2])

let back = try Network(contentsOf: arguments[2])
print("\(arguments[2]): \(back.architecture), \(back.classCount) classes")
