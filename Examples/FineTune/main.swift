// Tunes pretrained weights to a few images of your own, and writes them back in the kind of file that they came from:
//
//     swift run --package-path Examples FineTune ViT-S_16.npz images run tuned.npz
//
// `images` has one folder for each class. The run folder gets a report, metrics and checkpoints.
import VTKit

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 4 else { throw Failure(.usage, "give weights, images, a run folder and an output") }

let network = try Network(contentsOf: arguments[0])

var recipe = Recipe()
recipe.epochs = 4
recipe.batchSize = 8
// A tenth of the learning rate would do for weights that know such images already.
recipe.learningRate = 5e-4

let run = try network.fineTune(on: ImageFolder(arguments[1]), recipe: recipe, output: arguments[2]) { event in
  // Every update is an event, too; the end of an epoch is enough here.
  if case .epochEnded = event { print(event) }
}
print("the best epoch is \(run.best.epoch ?? 1), accuracy \(run.best.accuracy)")

let tuned = try run.best.network
try tuned.write(to: arguments[3])

// The images that were held out, measured again with what was written.
let evaluation = try Network(contentsOf: arguments[3]).evaluate(on: arguments[1])
print("\(evaluation.correct) of \(evaluation.count) right")
