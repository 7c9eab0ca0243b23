import ArgumentParser
import Checkpoint
import FineTuning

extension LearningRateSchedule.Shape: ExpressibleByArgument {}
extension DrlocOptions.Target: ExpressibleByArgument {}
extension DrlocOptions.Mode: ExpressibleByArgument {}

/// The training recipe.
struct RecipeArguments: ParsableArguments {
  @Option(help: "Passes over the training pictures.")
  var epochs = 20

  @Option(help: "Pictures an update.")
  var batchSize = 32

  @Option(help: "Learning rate after the warm-up.")
  var learningRate = 2e-4

  @Option(help: "Learning rate at the end of a cosine.")
  var minLearningRate = 1e-6

  @Option(help: "Learning rate at the start of the warm-up.")
  var warmupLearningRate = 1e-6

  @Option(help: "Epochs over which the learning rate rises.")
  var warmupEpochs = 2.0

  @Option(help: "How the learning rate moves: cosine, linear, step or constant.")
  var schedule = LearningRateSchedule.Shape.cosine

  @Option(help: "AdamW's weight decay.")
  var weightDecay = 0.05

  @Option(help: "Largest norm of the gradient; 0 does not clip.")
  var clipNorm = 5.0

  @Option(help: "Label smoothing.")
  var labelSmoothing = 0.1

  @Option(help: "Drop path rate of the last block.")
  var dropPath = 0.0

  @Option(help: "Dropout rate.")
  var dropout = 0.0

  @Option(help: "Least part of a picture that a random crop has.")
  var minCrop = 0.35

  @Flag(help: "Never mirror pictures.")
  var noFlip = false

  @Flag(help: "Train without the dense relative localization loss.")
  var noDrloc = false

  @Option(help: "Weight λ of the drloc loss (default 0.5 for Swin, 0.1 for the others).")
  var drlocWeight: Double?

  @Option(help: "Pairs of positions a picture for the drloc loss.")
  var drlocPairs = 64

  @Option(help: "Definition of the drloc loss: paper or reference.")
  var drlocTarget = DrlocOptions.Target.paper

  @Option(help: "What the drloc head answers: l1 (distances), ce (classes) or cbr (cycle-back regression).")
  var drlocMode = DrlocOptions.Mode.l1

  @Flag(help: "Let the drloc head tell offsets with their sign.")
  var drlocSigned = false

  @Flag(help: "Divide the reference's distances by the largest there can be.")
  var drlocNormalize = false

  @Flag(help: "One drloc loss a stage (Swin), rather than the last stage's alone.")
  var drlocMultiscale = false

  @Option(help: "Let λ rise over this many epochs and then fall to 0; constant where left out.")
  var drlocWarmupEpochs: Int?

  @Flag(help: "Keep batch norms' running statistics: for batches of a few pictures.")
  var freezeBatchNorm = false

  @Flag(help: "Compute each block twice rather than keep its inner results: less memory, the same bits.")
  var recompute = false

  @Flag(help: "Train the new head only.")
  var headOnly = false

  @Option(help: "Seed of everything random.")
  var seed: UInt64 = 0

  @Option(help: "Part of each class put aside where the data has no val folder.")
  var valFraction = 0.2

  @Flag(help: "Stop at a picture that cannot be read, rather than skip it.")
  var strictData = false

  func recipe(architecture: String) throws -> Recipe {
    var recipe = Recipe()
    recipe.epochs = epochs
    recipe.batchSize = batchSize
    recipe.learningRate = learningRate
    recipe.minimumLearningRate = minLearningRate
    recipe.warmupLearningRate = warmupLearningRate
    recipe.warmupEpochs = min(warmupEpochs, Double(epochs))
    recipe.schedule = schedule
    recipe.optimizer.weightDecay = weightDecay
    recipe.optimizer.clipNorm = clipNorm == 0 ? nil : clipNorm
    recipe.labelSmoothing = labelSmoothing
    recipe.dropPath = dropPath
    recipe.dropout = dropout
    recipe.cropScale = [minCrop, 1]
    recipe.flipProbability = noFlip ? 0 : 0.5
    recipe.drloc =
      noDrloc
      ? nil
      : DrlocOptions(
        target: drlocTarget, mode: drlocMode, isSigned: drlocSigned, normalizes: drlocNormalize,
        isMultiscale: drlocMultiscale, pairs: drlocPairs,
        weight: drlocWeight ?? Recipe.defaultDrlocWeight(architecture: architecture),
        scheduleWarmupEpochs: drlocWarmupEpochs)
    recipe.headOnly = headOnly
    recipe.freezesBatchNorm = freezeBatchNorm
    recipe.recomputes = recompute
    recipe.seed = seed
    recipe.validationFraction = valFraction
    recipe.strictData = strictData
    try recipe.validate()
    return recipe
  }
}
