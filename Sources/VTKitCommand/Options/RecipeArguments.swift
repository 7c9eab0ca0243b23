import ArgumentParser
import VTCheckpoint
import VTTraining

extension LearningRateSchedule.Shape: ExpressibleByArgument {}
extension DrlocOptions.Target: ExpressibleByArgument {}
extension DrlocOptions.Mode: ExpressibleByArgument {}

/// The training recipe.
struct RecipeArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Passes over the training images.", valueName: "n"))
  var epochs = 20

  @Option(help: ArgumentHelp("Images an update.", valueName: "n"))
  var batchSize = 32

  @Option(help: ArgumentHelp("Learning rate after the warm-up.", valueName: "rate"))
  var learningRate = 2e-4

  @Option(help: ArgumentHelp("Learning rate at the end of a cosine.", valueName: "rate"))
  var minLearningRate = 1e-6

  @Option(help: ArgumentHelp("Learning rate at the start of the warm-up.", valueName: "rate"))
  var warmupLearningRate = 1e-6

  @Option(help: ArgumentHelp("Epochs over which the learning rate rises.", valueName: "n"))
  var warmupEpochs = 2.0

  @Option(help: ArgumentHelp("How the learning rate moves.", valueName: "name"))
  var schedule = LearningRateSchedule.Shape.cosine

  @Option(help: ArgumentHelp("AdamW's weight decay.", valueName: "x"))
  var weightDecay = 0.05

  @Option(help: ArgumentHelp("Largest norm of the gradient; 0 does not clip.", valueName: "x"))
  var clipNorm = 5.0

  @Option(help: ArgumentHelp("Label smoothing.", valueName: "x"))
  var labelSmoothing = 0.1

  @Option(help: ArgumentHelp("Drop path rate of the last block.", valueName: "rate"))
  var dropPath = 0.0

  @Option(help: ArgumentHelp("Dropout rate.", valueName: "rate"))
  var dropout = 0.0

  @Option(help: ArgumentHelp("Least part of an image that a random crop has.", valueName: "part"))
  var minCrop = 0.35

  @Flag(help: "Never mirror images.")
  var noFlip = false

  @Flag(help: "Train without the dense relative localization loss.")
  var noDrloc = false

  @Option(
    help: ArgumentHelp(
      "Weight λ of the drloc loss (default 0.5 for Swin, 0.1 for the others).", valueName: "x"))
  var drlocWeight: Double?

  @Option(help: ArgumentHelp("Pairs of positions an image for the drloc loss.", valueName: "n"))
  var drlocPairs = 64

  @Option(help: ArgumentHelp("Whose definition of the drloc loss.", valueName: "name"))
  var drlocTarget = DrlocOptions.Target.paper

  @Option(
    help: ArgumentHelp(
      "What the drloc head answers: l1 (distances), ce (classes) or cbr (cycle-back regression).",
      valueName: "name"))
  var drlocMode = DrlocOptions.Mode.l1

  @Flag(help: "Let the drloc head tell offsets with their sign.")
  var drlocSigned = false

  @Flag(help: "Divide the reference's distances by the largest there can be.")
  var drlocNormalize = false

  @Flag(help: "One drloc loss a stage (Swin), rather than the last stage's alone.")
  var drlocMultiscale = false

  @Option(
    help: ArgumentHelp(
      "Let λ rise over this many epochs and then fall to 0; constant where left out.", valueName: "n"))
  var drlocWarmupEpochs: Int?

  @Flag(help: "Keep batch norms' running statistics: for batches of a few images.")
  var freezeBatchNorm = false

  @Flag(
    help:
      "Activation checkpointing: compute each block twice rather than keep its inner results: less memory, the same bits."
  )
  var recompute = false

  @Flag(help: "Train the new head only.")
  var headOnly = false

  @Option(help: ArgumentHelp("Seed of everything random.", valueName: "n"))
  var seed: UInt64 = 0

  @Option(
    help: ArgumentHelp("Part of each class put aside where the data has no val folder.", valueName: "part"))
  var valFraction = 0.2

  @Flag(
    help:
      "Refuse images that cannot be read, rather than skip them; all are read once before the run begins.")
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
