import VTCore
import VTData

/// Every key of a recipe, in the order of the file. A new one needs its property in `Recipe`, a row here, and where the
/// command line has an option for it, a line in `RecipeArguments`; reading, writing, ranges, help and the reference
/// page follow from the row.
extension RecipeKey {
  private static let updates = [
    RecipeKey(
      "epochs", "--epochs", \.epochs, .int,
      "Passes over the training images.", Limits.count(Limits.mostEpochs)),
    RecipeKey(
      "batchSize", "--batch-size", \.batchSize, .int, "Images per forward pass.",
      Limits.count(Limits.mostImages)),
    RecipeKey(
      "accumulation", "--accumulate", \.accumulation, .int, since: 2,
      "Batches per update (gradient accumulation): for batches that do not fit in memory.",
      Limits.count(1 << 16)),
    RecipeKey(
      "dropsLastBatch", "--drop-last", \.dropsLastBatch, .optionalFlag, since: 2,
      "Leave out the rest of an epoch that is smaller than a batch, other images each time; null does so where the network has batch norm."
    ),
    RecipeKey(
      "learningRate", "--learning-rate", \.learningRate, .number,
      "Learning rate after the warm-up.", Limits.positiveRate),
    RecipeKey(
      "minimumLearningRate", "--min-learning-rate", \.minimumLearningRate, .number,
      "Learning rate at the end of a cosine or a line.", Limits.rate),
    RecipeKey(
      "warmupLearningRate", "--warmup-learning-rate", \.warmupLearningRate, .number,
      "Learning rate at the start of the warm-up.", Limits.rate),
    RecipeKey(
      "warmupEpochs", "--warmup-epochs", \.warmupEpochs, .optionalNumber,
      "Epochs over which the learning rate rises; null takes a tenth of the run, at most 5 (one-cycle: three tenths)."
    ).checked { recipe in
      guard let warmup = recipe.warmupEpochs else { return nil }
      // The reference code's own runs may end with the warm-up.
      let isPossible =
        recipe.followsReferenceSchedule ? warmup <= Double(recipe.epochs) : warmup < Double(recipe.epochs)
      return warmup >= 0 && isPossible
        ? nil : "must be below the number of epochs, \(recipe.epochs): the rate would never be reached"
    },
    RecipeKey("schedule", "--schedule", \.schedule, .choice, "The learning rate's schedule.").checked {
      $0.schedule == .oneCycle && $0.followsReferenceSchedule
        ? "is not one of the reference code's with --reference-schedule" : nil
    },
    RecipeKey(
      "decayEpochs", "--decay-epochs", \.decayEpochs, .optionalNumber, since: 2,
      "Of the step schedule, epochs between two steps; null takes a third of the run.",
      { $0.map { $0 > 0 && $0 <= Double(Limits.mostEpochs) } ?? true ? nil : "must be above 0" }),
    RecipeKey(
      "decayRate", "--decay-rate", \.decayRate, .number, since: 2,
      "Of the step schedule, what each step multiplies the learning rate by.", Limits.share),
    RecipeKey(
      "followsReferenceSchedule", "--reference-schedule", \.followsReferenceSchedule, .flag, since: 2,
      "Move the learning rate as the method's published code does: a cosine counts from the start of the warm-up, a line ends at a hundredth, each update is one late."
    ),
  ]

  private static let optimizer = [
    RecipeKey(
      name: "optimizer.name", option: "--optimizer",
      meaning: "The optimizer.",
      since: 1, kind: "one of " + Optimizers.names.joined(separator: ", "),
      read: { recipe, json in
        guard let name = json.string, Optimizers.named(name) != nil else { return false }
        if recipe.optimizer.name != name { recipe.optimizer = OptimizerSettings(name) }
        return true
      },
      write: { .string($0.optimizer.name) },
      problem: { recipe in
        guard let type = Optimizers.named(recipe.optimizer.name) else { return "must be " + Optimizers.list }
        return type.numbers.allSatisfy { recipe.optimizer.value($0.name) != nil }
          ? nil : "'\(type.name.printable)' was chosen before the program registered it"
      }),
    RecipeKey(
      "optimizer.weightDecay", "--weight-decay", \.optimizer.weightDecay, .number,
      "Weight decay; biases and norms have none. Its default is the optimizer's own.", Limits.rate),
    RecipeKey(
      "optimizer.clipNorm", "--clip-norm", \.optimizer.clipNorm, .optionalNumber,
      "Largest norm of all gradients together; 0 (null in the file) does not clip.",
      {
        $0.map { $0 > 0 && $0.isFinite } ?? true
          ? nil : "must be above 0, or 0 to leave gradients as they are"
      }),
  ]

  private static let weights = [
    RecipeKey(
      "layerDecay", "--layer-decay", \.layerDecay, .number, since: 2,
      "Layer-wise decay: each block's learning rate as a part of the next one's. 0.65 to 0.9 helps where a large network is tuned on little data; 1 turns it off.",
      { $0 > 0 && $0 <= 1 ? nil : "must be in 0...1, above 0" }),
    RecipeKey(
      "averageDecay", "--ema", \.averageDecay, .optionalNumber, since: 2,
      "Decay of an exponential moving average of the weights, such as 0.999; the average is evaluated, kept and exported. null goes without.",
      { $0.flatMap(Limits.part) }),
    RecipeKey(
      "averageWarmsUp", nil, \.averageWarmsUp, .flag, since: 2,
      "Let the average follow faster at first: its decay is at most (1 + t) / (10 + t) at update t."),
    RecipeKey(
      "patience", "--patience", \.patience, .optionalInt, since: 2,
      "End the run early (early stopping) after this many epochs without a better validation accuracy; null never.",
      { $0.flatMap(Limits.count(Limits.mostEpochs)) }),
    RecipeKey(
      "keepBest", "--keep-best", \.keepBest, .int, since: 4,
      "Keep this many checkpoints, those with the best validation accuracies: to compare or average them afterwards. Each is as large as best.safetensors, which is one of them.",
      Limits.count(100)),
    RecipeKey(
      "headOnly", "--head-only", \.headOnly, .flag,
      "Train the classifier (and the drloc head) only: a linear probe."),
    RecipeKey(
      "frozenBlocks", "--freeze-blocks", \.frozenBlocks, .optionalInt, since: 2,
      "Leave the first blocks, so many, and all in front of them as they are; null none.",
      { $0.map { $0 >= 0 } ?? true ? nil : "must not be negative" }),
    RecipeKey(
      "unfreezeEvery", "--unfreeze-every", \.unfreezeEvery, .optionalInt, since: 4,
      "Begin with the head alone and let another block learn every so many epochs, from the last to the first (gradual unfreezing): for a pretrained network and little data, where a new head would spoil the weights. null trains all from the beginning."
    ).checked { recipe in
      guard let epochs = recipe.unfreezeEvery else { return nil }
      if let problem = Limits.count(Limits.mostEpochs)(epochs) { return problem }
      if recipe.headOnly { return "does not go with --head-only, which never trains more than the head" }
      if recipe.loraRank != nil {
        return "does not go with --lora-rank, which leaves the blocks' weights as they are"
      }
      return epochs < recipe.epochs
        ? nil : "must be below the number of epochs, \(recipe.epochs): no block would ever learn"
    },
    RecipeKey(
      "freeze", "--freeze", \.freeze, .texts, since: 2,
      "Leave parameters of such names as they are; * stands for anything. The option may be repeated."),
    RecipeKey(
      "loraRank", "--lora-rank", \.loraRank, .optionalInt, since: 2,
      "Train low-rank adapters (LoRA) of this rank and the classifier only, 4 to 16: for very little data, or small files of what was learned. null trains the weights themselves."
    ).checked { recipe in
      guard let rank = recipe.loraRank else { return nil }
      if let problem = Limits.count(4096)(rank) { return problem }
      return recipe.headOnly || recipe.frozenBlocks != nil || !recipe.freeze.isEmpty
        ? "does not go with --head-only, --freeze-blocks or --freeze: it says itself what learns" : nil
    },
    RecipeKey(
      "loraAlpha", "--lora-alpha", \.loraAlpha, .optionalNumber, since: 2,
      "The adapters' product counts alpha / rank times; null takes the rank.",
      { $0.flatMap(Limits.positiveRate) }),
    RecipeKey(
      "loraTargets", "--lora-target", \.loraTargets, .texts, since: 2,
      "Names of the weights that adapters change; * stands for anything. The option may be repeated.",
      { $0.isEmpty ? "must name weights" : nil }),
  ]

  private static let regularization = [
    RecipeKey(
      "loss", "--loss", \.loss, .choice, since: 2,
      "How answers are compared with classes: by softmax, or each class by itself (bce), which suits mixup and CutMix."
    ),
    RecipeKey(
      "labelSmoothing", "--label-smoothing", \.labelSmoothing, .number,
      "Probability taken from the label and spread over all classes.", Limits.part),
    RecipeKey(
      "dropPath", "--drop-path", \.dropPath, .number,
      "Drop path rate of the last block; earlier blocks have less.", Limits.part),
    RecipeKey("dropout", "--dropout", \.dropout, .number, "Dropout rate.", Limits.part),
    RecipeKey(
      "mixup", "--mixup", \.mixup, .number, since: 2,
      "Mix images and their classes in pairs (mixup): alpha of the beta distribution, 0.1 to 0.8; for long runs. 0 does not.",
      Limits.rate),
    RecipeKey(
      "cutmix", "--cutmix", \.cutmix, .number, since: 2,
      "Put boxes of other images into images, and their classes with them (CutMix): alpha, usually 1. 0 does not.",
      Limits.rate),
    RecipeKey(
      "mixProbability", "--mix-probability", \.mixProbability, .number, since: 2,
      "How often a batch is mixed, by mixup or CutMix.", Limits.share),
    RecipeKey(
      "mixSwitchProbability", nil, \.mixSwitchProbability, .number, since: 2,
      "How often it is CutMix where both are on.", Limits.share),
    RecipeKey(
      "distillationMode", "--distillation", \.distillationMode, .optionalChoice(), since: 3,
      "With --teacher, what its answers are: a second label (hard, the usual), or probabilities (soft); null without a teacher."
    ),
    RecipeKey(
      "distillationWeight", "--distillation-weight", \.distillationWeight, .number, since: 3,
      "How much the teacher counts; the labels count the rest.", Limits.part),
    RecipeKey(
      "distillationTemperature", "--distillation-temperature", \.distillationTemperature, .number, since: 3,
      "Of soft answers: the higher, the more the classes that the teacher does not choose count.",
      Limits.positiveRate),
  ]

  private static let drloc = [
    RecipeKey(
      name: "drloc", option: "--no-drloc",
      meaning: "Dense relative localization: an object with the keys below, or null for cross-entropy alone.",
      since: 0, kind: "an object, or null",
      read: { recipe, json in
        if json == .null { recipe.drloc = nil } else { recipe.drloc = recipe.drloc ?? DrlocOptions() }
        return json == .null || json.members != nil
      },
      // The object is written by its keys.
      write: { $0.drloc == nil ? .null : nil }, problem: { _ in nil }),
    RecipeKey(
      drloc: "target", "--drloc-target", \.target, .choice,
      "Whose definition of the loss: the paper's, or the published code's."),
    RecipeKey(
      drloc: "mode", "--drloc-mode", \.mode, .choice,
      "What the drloc head predicts: l1 (distances), ce (classes) or cbr (cycle-back regression)."),
    RecipeKey(
      drloc: "isSigned", "--drloc-signed", \.isSigned, .flag,
      "Let the drloc head predict offsets with their sign."),
    RecipeKey(
      drloc: "normalizes", "--drloc-normalize", \.normalizes, .flag,
      "Divide the reference's distances by the largest possible one."
    ).checked { recipe in
      guard let drloc = recipe.drloc, drloc.normalizes else { return nil }
      return drloc.target == .reference && drloc.mode == .l1
        ? nil : "goes with --drloc-target reference and --drloc-mode l1"
    },
    RecipeKey(
      drloc: "isMultiscale", "--drloc-multiscale", \.isMultiscale, .flag,
      "One drloc loss per stage (Swin), rather than only the last stage's."),
    RecipeKey(
      drloc: "pairs", "--drloc-pairs", \.pairs, .int,
      "Pairs of positions per image for the drloc loss.", Limits.count(Limits.mostImages)),
    RecipeKey(
      drloc: "weight", "--drloc-weight", \.weight, .optionalNumber,
      "Weight λ of the drloc loss; null takes the network's own: 1 for ViT, 0.5 for Swin, 0.1 for the others.",
      { $0.flatMap(Limits.rate) }),
    RecipeKey(
      drloc: "scheduleWarmupEpochs", "--drloc-warmup-epochs", \.scheduleWarmupEpochs, .optionalInt,
      "Let λ rise over this many epochs and then fall to 0; null keeps it constant.",
      { $0.map { (0...Limits.mostEpochs).contains($0) } ?? true ? nil : "must not be negative" }),
  ]

  private static let images = [
    RecipeKey(
      "sampling", "--sampling", \.sampling, .choice, since: 2,
      "Which images an epoch shows: each once (shuffled), or as many of each class (balanced), for classes of very different sizes."
    ),
    RecipeKey(
      "balancesClasses", "--balance-classes", \.balancesClasses, .flag, since: 2,
      "Weight the loss so that all classes count the same, however few images they have."
    ).checked { recipe in
      guard recipe.balancesClasses else { return nil }
      if recipe.loss == .binaryCrossEntropy { return "does not go with --loss bce" }
      return recipe.sampling == .balanced ? "does not go with --sampling balanced" : nil
    },
    RecipeKey(
      "repeats", "--repeats", \.repeats, .int, since: 2,
      "Differently augmented copies of an image in a batch (repeated augmentation), of so many times fewer images an epoch.",
      Limits.count(64)),
    RecipeKey(
      "cropScale", "--min-crop", \.cropScale, .twoNumbers,
      "Smallest and largest fraction of an image in a random crop; the option sets the smallest.",
      {
        $0.count == 2 && $0[0] > 0 && $0[0] <= $0[1] && $0[1] <= 1 ? nil : "must be in 0...1, above 0"
      }),
    RecipeKey(
      "flipProbability", "--no-flip", \.flipProbability, .number,
      "How often images are mirrored; the option makes it 0.", Limits.share),
    RecipeKey(
      "verticalFlipProbability", "--vflip", \.verticalFlipProbability, .number, since: 2,
      "How often images are turned upside down: for images without an up, such as from above or a microscope.",
      Limits.share),
    RecipeKey(
      "rotationDegrees", "--rotation", \.rotationDegrees, .number, since: 2,
      "Largest angle by which images are turned, in degrees: 180 for images without an up.",
      { (0...180).contains($0) ? nil : "must be in 0...180" }),
    RecipeKey(
      "augmentationPolicy", "--auto-augment", \.augmentationPolicy, .optionalText, since: 2,
      "Policy of random operations, as timm names them: rand-m9-mstd0.5-inc1 for long runs, trivialaugment to choose nothing; null for none.",
      { name in name.flatMap(Limits.policy) }),
    RecipeKey(
      "colorJitter", "--color-jitter", \.colorJitter, .colorJitter, since: 2,
      "How much colours vary, such as 0.4, or 0.4,0.4,0.4,0.1 of brightness, contrast, saturation and hue: for other lights and cameras; null for none.",
      { $0.flatMap(Limits.jitter) }),
    RecipeKey(
      "grayscaleProbability", "--grayscale", \.grayscaleProbability, .number, since: 2,
      "How often images are made gray: where colours mislead.", Limits.share),
    RecipeKey(
      "erasingProbability", "--random-erase", \.erasingProbability, .number, since: 2,
      "How often a rectangle of an image is covered (random erasing): 0.25 for long runs.", Limits.share),
    RecipeKey(
      "erasingMode", "--random-erase-mode", \.erasingMode, .choice, since: 2,
      "What covers it: const (the mean colour), rand (a random colour) or pixel (a random colour for each pixel)."
    ),
    RecipeKey(
      "erasingCount", "--random-erase-count", \.erasingCount, .int, since: 2,
      "The most rectangles per image, which share the area.", Limits.count(100)),
    RecipeKey(
      "augments", "--no-augmentation", \.augments, .flag, since: 3,
      "Augment training images; the option shows them as evaluation does: no random crop, no flip."
    ).checked { recipe in
      guard !recipe.augments else { return nil }
      let others = [
        recipe.augmentationPolicy != nil ? "--auto-augment" : nil,
        recipe.colorJitter != nil ? "--color-jitter" : nil,
        recipe.verticalFlipProbability > 0 ? "--vflip" : nil, recipe.rotationDegrees > 0 ? "--rotation" : nil,
        recipe.grayscaleProbability > 0 ? "--grayscale" : nil,
        recipe.erasingProbability > 0 ? "--random-erase" : nil, recipe.repeats > 1 ? "--repeats" : nil,
        recipe.views != nil ? "--views" : nil,
      ].compactMap(\.self)
      return others.first.map { "does not go with \($0)" }
    },
    RecipeKey(
      "views", "--views", \.views, .optionalInt, since: 3,
      "Augmented versions of an image, which epochs show in turn: for --cache, which can keep so many; null makes a new one in each epoch.",
      { $0.flatMap(Limits.count(Limits.mostEpochs)) }),
  ]

  private static let run = [
    RecipeKey("seed", "--seed", \.seed, .seed, "The random seed."),
    RecipeKey(
      "validationFraction", "--val-fraction", \.validationFraction, .number,
      "Fraction of each class held out if the data has no val folder.", Limits.part),
    RecipeKey(
      "saveEvery", "--save-every", \.saveEvery, .saveInterval, since: 4,
      "Save within an epoch every so many updates (100) or minutes (2min): what a crash may cost. The end of an epoch is saved in any case.",
      { $0.isPossible ? nil : "must be above 0" }),
    RecipeKey(
      "strictData", "--strict-data", \.strictData, .flag,
      "Refuse images that cannot be read, rather than skip them; all are read once before the run begins."),
    RecipeKey(
      "freezesBatchNorm", "--freeze-batch-norm", \.freezesBatchNorm, .flag,
      "Keep batch norms' running statistics: for batches of a few images."),
    RecipeKey(
      "recomputes", "--recompute", \.recomputes, .flag,
      "Activation checkpointing: compute each block twice rather than keep its inner results: less memory, the same bits."
    ),
    RecipeKey(
      "cacheSize", "--cache", \.cacheSize, .optionalSize, since: 3,
      "Room, such as 2GB, for what the frozen beginning of the network gives for each image: it is computed once, and not in each epoch. With --head-only, --freeze-blocks or LoRA, and --no-augmentation or --views."
    ).checked { recipe in
      guard let size = recipe.cacheSize else { return nil }
      guard size > 0 else { return "must be a size such as 2GB" }
      if recipe.mixup > 0 || recipe.cutmix > 0 {
        return "does not go with --mixup or --cutmix: every batch has new images"
      }
      if recipe.distillationMode != nil {
        return "does not go with --teacher, which looks at every image in every epoch"
      }
      return recipe.augments && recipe.views == nil
        ? "goes with --no-augmentation or --views: otherwise every epoch shows new versions of the images"
        : nil
    },
    RecipeKey(
      "cachesOnDisk", "--cache-on-disk", \.cachesOnDisk, .flag, since: 3,
      "Keep the cache in a file in the run folder while the run lasts, and not in memory."
    ).checked { $0.cachesOnDisk && $0.cacheSize == nil ? "goes with --cache" : nil },
  ]

  /// The keys of a recipe with this optimizer.
  package static func all(optimizer name: String) -> [RecipeKey] {
    groups(optimizer: name).flatMap(\.keys)
  }

  /// The same by what they are about.
  static func groups(optimizer name: String) -> [(title: String, keys: [RecipeKey])] {
    let numbers = Optimizers.named(name).map { type in
      type.numbers.map { RecipeKey(number: $0, of: name) }
    }
    return [
      ("Epochs and learning rate", updates), ("Optimizer", optimizer + (numbers ?? [])),
      ("What is trained", weights), ("Loss and regularization", regularization),
      ("Dense relative localization", drloc), ("Images", images), ("Run", run),
    ]
  }

  /// Every key that some recipe has, but for the numbers of programs' own optimizers.
  package static let all: [RecipeKey] = {
    var seen: Set<String> = []
    return Optimizers.names.flatMap { all(optimizer: $0) }.filter { seen.insert($0.name).inserted }
  }()

  /// An optimizer's own number.
  private init(number: OptimizerNumber, of optimizer: String) {
    self.init(
      name: "optimizer." + number.name, option: number.option, meaning: number.meaning, since: number.since,
      kind: RecipeValue.number.kind,
      read: { recipe, json in
        guard let value = RecipeValue.number.parse(json), recipe.optimizer.value(number.name) != nil else {
          return false
        }
        recipe.optimizer[number.name] = value
        return true
      },
      write: { $0.optimizer.value(number.name).map(JSON.double) },
      problem: { $0.optimizer.value(number.name).flatMap(number.limit) })
  }
}
