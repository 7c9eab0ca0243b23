import ArgumentParser
import VTCheckpoint
import VTCore
import VTData
import VTKit
import VTTraining

struct LearningRateCommand: NetworkCommand {
  static let configuration = CommandConfiguration(
    commandName: "lr-find",
    abstract: "Finds a learning rate: a short run on the images whose rate grows.",
    discussion: """
      The loss is shown over the rate. A good rate lies where the loss falls, well before it rises again; one is suggested. \
      Nothing of the run is kept. Give the options that training will have: batch size, optimizer and augmentation matter.

      Example: vtkit lr-find --checkpoint ViT-S_16.npz --data images --output rates.html
      """)

  @OptionGroup(title: "Input and output") var files: LearningRateArguments
  @OptionGroup(title: "Network") var network: StartArguments
  @OptionGroup(title: "Recipe") var recipeArguments: RecipeArguments
  @OptionGroup(title: "Preprocessing") var preprocessing: PreprocessingArguments
  @OptionGroup(title: "Checkpoint") var classNames: ClassArguments
  @OptionGroup(title: "Checkpoint") var load: LoadArguments
  @OptionGroup(title: "Computing") var engineArguments: EngineArguments

  func run() throws {
    if recipeArguments.printRecipe {
      throw Failure(.usage, "--print-recipe is for 'vtkit finetune'")
    }
    try network.check(checkpoint: files.checkpoint, load)
    let range = try files.range()
    if let output = files.output {
      try OutputFile.check(output, overwrite: files.force)
      try OutputFile.checkFolder(of: output)
    }
    var start = try network.start(files.checkpoint, load)
    start.engine = engineArguments.engine()
    var options = FineTuningOptions()
    (options.keepsClassifier, options.classes) = (!network.newHead, classNames.names)
    options.preprocessing = preprocessing.changes
    let watcher = TrainingWatcher(quiet: files.json)
    let (recipe, images) = try recipeArguments.resolved(
      for: files.data, usesTestSplit: false, isPretrained: files.checkpoint != nil, watch: watcher.see)
    let bar = ProgressBar("growing the rate", total: range.updates)
    let found = try start.findLearningRate(
      on: images, recipe: recipe, options, range, watch: watcher.see
    ) { done in
      bar.show(done)
      return true
    }
    bar.finish()
    if let output = files.output { try found.writePage(to: output, overwrite: files.force) }
    files.json ? printJSON(found) : printText(found)
    if found.suggestion == nil { throw Failure(.no, "the loss fell at none of these rates") }
  }

  private func printText(_ found: LearningRateFinder) {
    if let lowest = found.lowest {
      print(
        "the loss is lowest (\(Format.fixed(lowest.smoothed, 3))) at \(LearningRateFinder.text(lowest.rate))"
          + (found.diverged ? ", and grows without bound soon after" : ""))
    }
    if let steepest = found.steepest {
      print("it falls fastest at \(LearningRateFinder.text(steepest))")
    }
    if let suggestion = found.suggestion {
      print("suggested: --learning-rate \(LearningRateFinder.text(suggestion))")
    }
    if let output = files.output { print("picture: \(output.printable)") }
  }

  private func printJSON(_ found: LearningRateFinder) {
    let points = found.points.map {
      JSON.object(["rate": .double($0.rate), "loss": .double($0.loss), "smoothed": .double($0.smoothed)])
    }
    let result = JSON.object([
      "suggestion": found.suggestion.map(JSON.double) ?? .null,
      "steepest": found.steepest.map(JSON.double) ?? .null,
      "lowest": found.lowest.map { .double($0.rate) } ?? .null, "diverged": .bool(found.diverged),
      "points": .array(points),
    ])
    print(result.text(pretty: true))
  }
}
