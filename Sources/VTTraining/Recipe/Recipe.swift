import VTData
import VTModels

/// Everything that decides a training run besides the data and the starting weights. `docs/reference/recipe.md` lists
/// its keys in a recipe file.
public struct Recipe: Sendable, Equatable {
  /// Passes over the training images.
  public var epochs = 20
  /// Images for each forward pass.
  public var batchSize = 32
  /// Batches for each update: their gradients are averaged over their images. Networks with batch norm see the
  /// statistics of one batch at a time.
  public var accumulation = 1
  /// Whether the rest of an epoch that is smaller than a batch waits for another epoch; nil where the network has batch
  /// norm, whose statistics need whole batches.
  public var dropsLastBatch: Bool?
  /// Rate after the warm-up.
  public var learningRate = 2e-4
  /// Rate at the end of a cosine or a line.
  public var minimumLearningRate = 1e-6
  /// Rate at the start of the warm-up.
  public var warmupLearningRate = 1e-6
  /// Epochs over which the rate rises, fewer than `epochs`; nil takes a tenth of the run and at most 5 epochs, of a
  /// one-cycle schedule three tenths.
  public var warmupEpochs: Double?
  /// The learning rate's schedule.
  public var schedule = LearningRateSchedule.Shape.cosine
  /// Of the step schedule, epochs between two steps; nil takes a third of the run.
  public var decayEpochs: Double?
  /// Of the step schedule, what each step multiplies the rate by.
  public var decayRate = 0.1
  /// Whether the rate moves as in the method's reference code, which counts a cosine from the start of the warm-up and is
  /// an update late.
  public var followsReferenceSchedule = false
  /// Which optimizer trains, with its numbers.
  public var optimizer = OptimizerSettings()
  /// What each block's learning rate is, as a part of the next one's (layer-wise decay), above 0; 1 for the same rate everywhere.
  public var layerDecay = 1.0
  /// The decay of the exponential moving average of the weights, which is then what is evaluated and kept; nil without one.
  public var averageDecay: Double?
  /// Whether the average follows faster in a run's first updates.
  public var averageWarmsUp = true
  /// Epochs without a better validation accuracy after which the run ends early; nil never.
  public var patience: Int?
  /// How many of the checkpoints with the best validation accuracies stay in the run folder.
  package var keepBest = 1
  /// How often a run is saved within an epoch.
  package var saveEvery = SaveInterval.minutes(2)
  /// How the network's answers are compared with the classes.
  package var loss = ClassificationLoss.crossEntropy
  /// How much of each label is spread over all classes, 0 to 1.
  public var labelSmoothing = 0.1
  /// Whether images of small classes count for more in the loss, so that all classes count the same.
  public var balancesClasses = false
  /// Which images an epoch shows.
  package var sampling = Sampling.shuffled
  /// Differently augmented copies of an image that follow each other in an epoch (repeated augmentation), of so many times
  /// fewer images.
  public var repeats = 1
  /// Of the beta distribution from which mixup draws; 0 leaves it out.
  public var mixup = 0.0
  /// The same of CutMix.
  public var cutmix = 0.0
  /// How often a batch is mixed, 0 to 1.
  public var mixProbability = 1.0
  /// How often it is CutMix where both are on, 0 to 1.
  public var mixSwitchProbability = 0.5
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
  /// How often a training image is turned upside down, 0 to 1.
  public var verticalFlipProbability = 0.0
  /// The largest angle by which training images are turned, in degrees.
  public var rotationDegrees = 0.0
  /// A policy that changes training images, by name, such as `rand-m9-mstd0.5-inc1`; nil for none.
  public var augmentationPolicy: String?
  /// How much brightness, contrast, saturation and hue of training images vary; nil leaves them.
  public var colorJitter: [Double]?
  /// How often a training image is made gray, 0 to 1.
  public var grayscaleProbability = 0.0
  /// How often a rectangle of a training image is covered, 0 to 1.
  public var erasingProbability = 0.0
  package var erasingMode = RandomErasing.Mode.const
  package var erasingCount = 1
  /// What a teacher's answers are; nil for a run without a teacher.
  package var distillationMode: DistillationMode?
  /// How much the teacher counts beside the labels, 0 to 1.
  package var distillationWeight = 0.5
  /// The temperature of soft answers.
  package var distillationTemperature = 3.0
  /// Whether training images are augmented; otherwise they are as evaluation sees them.
  public var augments = true
  /// How many augmented versions of an image there are, which epochs show in turn; nil for a new one in each.
  package var views: Int?
  /// Bytes for keeping what the frozen beginning of the network gives for each image, so that it is computed once; nil
  /// computes it in each epoch.
  public var cacheSize: Int?
  /// Whether that is kept in a file of the run folder, and not in memory.
  package var cachesOnDisk = false
  /// Decides everything random: the same seed gives the same bits.
  public var seed: UInt64 = 0
  /// The fraction of each class that is held out for validation if there is no folder of validation images, 0 to 1.
  public var validationFraction = 0.2
  /// Whether an unreadable image ends the run.
  public var strictData = false
  /// Whether batch norms keep their running statistics: for batches of a few images.
  public var freezesBatchNorm = false
  /// Whether blocks are computed twice rather than kept: less memory, more time, the same bits.
  public var recomputes = false
  /// Whether only the new head (and the drloc head) learns.
  public var headOnly = false
  /// How many blocks keep their weights, from the input on, and all in front of them; nil none.
  public var frozenBlocks: Int?
  /// Epochs after which the next block learns, from the output to the input, in a run that begins with the classifier alone
  /// (gradual unfreezing); nil trains all blocks from the beginning.
  package var unfreezeEvery: Int?
  /// Names of parameters that keep their weights; `*` stands for anything.
  public var freeze: [String] = []
  /// The rank of low-rank adapters (LoRA): only they and the classifier learn; nil trains the weights themselves.
  public var loraRank: Int?
  /// The adapters' product counts `loraAlpha / loraRank` times; nil once.
  public var loraAlpha: Double?
  /// Names of the weights that adapters change; `*` stands for anything. Attention's queries, keys and values.
  public var loraTargets = LowRankRecipe.usualPatterns

  /// The default recipe.
  public init() {}

  /// Takes from the network what the recipe leaves to it.
  mutating func settle(for model: any VisionModel) {
    if drloc?.weight == nil { drloc?.weight = model.drlocWeight }
    if dropsLastBatch == nil { dropsLastBatch = model.hasBatchNorm && !freezesBatchNorm }
  }

  /// Whether it is what the other became once the network had settled what that left open.
  package func isSettled(from other: Recipe) -> Bool {
    var other = other
    if other.drloc?.weight == nil { other.drloc?.weight = drloc?.weight }
    if other.dropsLastBatch == nil { other.dropsLastBatch = dropsLastBatch }
    return self == other
  }

  var lowRank: LowRankRecipe? {
    loraRank.map { LowRankRecipe(rank: $0, alpha: loraAlpha, patterns: loraTargets) }
  }

  /// What is minimized.
  /// - Precondition: the recipe is settled.
  package var objectives: [any Objective] { objectives(teacher: nil) }

  func objectives(teacher: (any VisionModel)?) -> [any Objective] {
    var objectives: [any Objective] = [
      CrossEntropyObjective(
        loss, smoothing: labelSmoothing, weight: teacher == nil ? 1 : 1 - distillationWeight)
    ]
    if let teacher, let distillationMode {
      objectives.append(
        DistillationObjective(
          mode: distillationMode, weight: distillationWeight, temperature: distillationTemperature,
          teacher: teacher))
    }
    if let drloc { objectives.append(DrlocObjective(drloc)) }
    return objectives
  }

  /// The names of all losses: `loss`, what is minimized, and its parts.
  var lossNames: [String] {
    var names = ["loss"] + objectives.flatMap(\.names)
    if distillationMode != nil { names.insert(DistillationObjective.name, at: 2) }
    return names
  }

  /// What happens to training images, in the order in which it happens.
  /// - Precondition: the recipe is valid.
  package func augmentation(_ preprocessing: Preprocessing) -> Augmentation {
    let geometry = GeometrySettings(preprocessing)
    var augmentation = Augmentation()
    augmentation.crop.scale = cropScale[0]...cropScale[1]
    augmentation.transforms = [HorizontalFlip(probability: flipProbability)]
    func add(_ transform: any Transform, if isOn: Bool) {
      if isOn { augmentation.transforms.append(transform) }
    }
    add(VerticalFlip(probability: verticalFlipProbability), if: verticalFlipProbability > 0)
    add(RandomRotation(degrees: rotationDegrees, geometry: geometry), if: rotationDegrees > 0)
    if let augmentationPolicy {
      guard let policy = try? AugmentationPolicies.named(augmentationPolicy) else {
        preconditionFailure("the recipe was not validated")
      }
      augmentation.transforms.append(PolicyTransform(policy: policy, geometry: geometry))
    }
    if let colorJitter { augmentation.transforms.append(ColorJitter(colorJitter)) }
    add(RandomGrayscale(probability: grayscaleProbability), if: grayscaleProbability > 0)
    if erasingProbability > 0 {
      augmentation.erasing = RandomErasing(
        probability: erasingProbability, mode: erasingMode, count: erasingCount)
    }
    if mixup > 0 || cutmix > 0 {
      augmentation.batchTransforms.append(
        Mixup(
          mixupAlpha: mixup, cutmixAlpha: cutmix, probability: mixProbability,
          switchProbability: mixSwitchProbability))
    }
    return augmentation
  }

  /// Epochs over which the rate rises.
  package var settledWarmupEpochs: Double {
    warmupEpochs ?? (schedule == .oneCycle ? 0.3 * Double(epochs) : min(0.1 * Double(epochs), 5))
  }

  /// The rate of an update of the run.
  func rate(update: Int, updatesPerEpoch: Int) -> Double {
    let decay = decayEpochs ?? Double(max(1, epochs / 3))
    let schedule = LearningRateSchedule(
      shape: schedule, base: learningRate, warmup: warmupLearningRate,
      minimum: minimumLearningRate, warmupUpdates: Int(settledWarmupEpochs * Double(updatesPerEpoch)),
      totalUpdates: epochs * updatesPerEpoch, decayRate: decayRate,
      decayUpdates: Int(decay * Double(updatesPerEpoch)))
    return followsReferenceSchedule ? schedule.referenceRate(update: update) : schedule.rate(update: update)
  }

  /// Batches of an epoch. The rest of the images is left out where `dropsLastBatch` says so, unless there is nothing else.
  func batches(images: Int) -> Int {
    if dropsLastBatch == true, images >= batchSize { return images / batchSize }
    return (images + batchSize - 1) / batchSize
  }

  /// Updates of an epoch.
  func updates(images: Int) -> Int { (batches(images: images) + accumulation - 1) / accumulation }
}
