// Tunes weights with an optimizer of your own, which the recipe takes by its name:
//
//     swift run --package-path Examples OwnOptimizer ViT-S_16.npz images run tuned.npz
//
// LAMB.swift has the optimizer. Checkpoints keep its state: where the run folder is there already, the run goes on.
import Foundation
import VTKit

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 4 else { throw Failure(.usage, "give weights, images, a run folder and an output") }

// Before a recipe names it, and before a run that was begun with it is resumed.
try LAMB.register()

func tell(_ event: TrainingEvent) { if case .epochEnded = event { print(event) } }

let run: TrainingRun
if FileManager.default.fileExists(atPath: arguments[2]) {
  run = try TrainingRun.resume(arguments[2], watch: tell)
} else {
  var recipe = Recipe()
  recipe.epochs = 4
  recipe.batchSize = 8
  recipe.learningRate = 2e-3
  recipe.optimizer = OptimizerSettings("lamb")
  recipe.optimizer["beta2"] = 0.99
  let network = try Network(contentsOf: arguments[0])
  run = try network.fineTune(on: ImageFolder(arguments[1]), recipe: recipe, output: arguments[2], watch: tell)
}
try run.best.network.write(to: arguments[3])
print("\(run.updateCount) updates with \(LAMB.name), accuracy \(run.best.accuracy)")
