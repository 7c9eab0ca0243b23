import VTData
import VTModels

/// Everything that decides a training run besides the data and the starting weights. `docs/reference/recipe.md` lists
/// its keys in a recipe file.
public struct Recipe: Sendable, Equatable {
  /// Passes over the training images.
  public var epochs = 20
  /// Images for each update.
  public var batchSize = 32
  /// Rate after the warm-up.
  public var learningRate = 2e-4
  /// Rate at the end of a cosine.
  public var minimumLearningRate = 1e-6
  /// Rate at the start of the warm-up.
  public var warmupLearningRate = 1e-6
  /// Epochs over which the rate rises; no more than `epochs` count.
  public var warmupEpochs = 2.0
  /// How the learning rate moves.
  public var schedule = LearningRateSchedule.Shape.cosine
  /// Which optimizer trains, with its numbers.
  public var optimizer = OptimizerSettings()
  /// How much of each label is spread over all classes, 0 to 1.
  public var labelSmoothing = 0.1
  /// The drop path rate of the last block, 0 to 1; earlier blocks' rise to it linearly.
  public var dropPath = 0.0
  /// The dropout rate, 0 to 1.
  public var dropout = 0.0
  /// The dense relative localization loss; nil trains with cross-entropy alone.
  public var drloc: DrlocOptions? = DrlocOptions()
  /// The least and the largest part of an image's area that a random crop has.
  public var cropScale = [0.35, 1.0]
  /// How often a training image is mirrored, 0 to 1.
  public var flipProbability = 0.5
  /// Decides everything random: the same seed gives the same bits.
  public var seed: UInt64 = 0
  /// The part of each class that is put aside for validation where there is no folder of such images, 0 to 1.
  public var validationFraction = 0.2
  /// Whether an unreadable image ends the run.
  public var strictData = false
  /// Whether batch norms keep their running statistics: for batches of a few images.
  public var freezesBatchNorm = false
  /// Whether blocks are computed twice rather than kept: less memory, more time, the same bits.
  public var recomputes = false
  /// Whether only the new head (and the drloc head) learns.
  public var headOnly = false

  /// The default recipe.
  public init() {}

  /// Ends the warm-up with the run, where it would last longer.
  package mutating func limitWarmup() { warmupEpochs = min(warmupEpochs, Double(epochs)) }

  /// Takes from the network what the recipe leaves to it.
  mutating func settle(for model: any VisionModel) {
    if drloc?.weight == nil { drloc?.weight = model.drlocWeight }
  }

  /// What is minimized.
  /// - Precondition: the recipe is settled.
  package var objectives: [any Objective] {
    var objectives: [any Objective] = [CrossEntropyObjective(smoothing: labelSmoothing)]
    if let drloc { objectives.append(DrlocObjective(drloc)) }
    return objectives
  }

  /// The names of all losses: `loss`, what is minimized, and its parts.
  var lossNames: [String] { ["loss"] + objectives.flatMap(\.names) }

  package var augmentation: Augmentation {
    var augmentation = Augmentation()
    augmentation.crop.scale = cropScale[0]...cropScale[1]
    augmentation.transforms = [HorizontalFlip(probability: flipProbability)]
    return augmentation
  }

  func rateSchedule(updatesPerEpoch: Int) -> LearningRateSchedule {
    LearningRateSchedule(
      shape: schedule, base: learningRate, warmup: warmupLearningRate,
      minimum: minimumLearningRate, warmupUpdates: Int(warmupEpochs * Double(updatesPerEpoch)),
      totalUpdates: epochs * updatesPerEpoch, decayUpdates: updatesPerEpoch * max(1, epochs / 3))
  }
}
