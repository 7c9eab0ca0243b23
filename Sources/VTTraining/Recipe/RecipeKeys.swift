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
      "batchSize", "--batch-size", \.batchSize, .int, "Images per update.", Limits.count(Limits.mostImages)),
    RecipeKey(
      "learningRate", "--learning-rate", \.learningRate, .number,
      "Learning rate after the warm-up.", Limits.positiveRate),
    RecipeKey(
      "minimumLearningRate", "--min-learning-rate", \.minimumLearningRate, .number,
      "Learning rate at the end of a cosine.", Limits.rate),
    RecipeKey(
      "warmupLearningRate", "--warmup-learning-rate", \.warmupLearningRate, .number,
      "Learning rate at the start of the warm-up.", Limits.rate),
    RecipeKey(
      "warmupEpochs", "--warmup-epochs", \.warmupEpochs, .number,
      "Epochs over which the learning rate rises; at most all.",
      { (0...Double(Limits.mostEpochs)).contains($0) ? nil : "must lie in 0...epochs" }),
    RecipeKey("schedule", "--schedule", \.schedule, .choice, "How the learning rate moves."),
  ]

  private static let optimizer = [
    RecipeKey(
      name: "optimizer.name", option: "--optimizer",
      meaning: "The rule by which parameters follow gradients.",
      since: 1, kind: Optimizers.list,
      read: { recipe, json in
        guard let name = json.string, Optimizers.names.contains(name) else { return false }
        if recipe.optimizer.name != name { recipe.optimizer = OptimizerSettings(name) }
        return true
      },
      write: { .string($0.optimizer.name) },
      problem: { Optimizers.names.contains($0.optimizer.name) ? nil : "must be " + Optimizers.list }),
    RecipeKey(
      "optimizer.weightDecay", "--weight-decay", \.optimizer.weightDecay, .number,
      "Weight decay; biases and norms have none. Its default is the optimizer's own.", Limits.rate),
    RecipeKey(
      "optimizer.clipNorm", "--clip-norm", \.optimizer.clipNorm, .optionalNumber,
      "Largest norm of the whole gradient; 0 (null in the file) does not clip.",
      {
        $0.map { $0 > 0 && $0.isFinite } ?? true
          ? nil : "must be above 0, or 0 to leave gradients as they are"
      }),
  ]

  private static let regularization = [
    RecipeKey(
      "labelSmoothing", "--label-smoothing", \.labelSmoothing, .number,
      "Probability taken from the label and spread over all classes.", Limits.part),
    RecipeKey(
      "dropPath", "--drop-path", \.dropPath, .number,
      "Drop path rate of the last block; earlier blocks have less.", Limits.part),
    RecipeKey("dropout", "--dropout", \.dropout, .number, "Dropout rate.", Limits.part),
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
      "What the drloc head answers: l1 (distances), ce (classes) or cbr (cycle-back regression)."),
    RecipeKey(
      drloc: "isSigned", "--drloc-signed", \.isSigned, .flag,
      "Let the drloc head tell offsets with their sign."),
    RecipeKey(
      drloc: "normalizes", "--drloc-normalize", \.normalizes, .flag,
      "Divide the reference's distances by the largest there can be."
    ).checked { recipe in
      guard let drloc = recipe.drloc, drloc.normalizes else { return nil }
      return drloc.target == .reference && drloc.mode == .l1
        ? nil : "goes with --drloc-target reference and --drloc-mode l1"
    },
    RecipeKey(
      drloc: "isMultiscale", "--drloc-multiscale", \.isMultiscale, .flag,
      "One drloc loss per stage (Swin), rather than the last stage's alone."),
    RecipeKey(
      drloc: "pairs", "--drloc-pairs", \.pairs, .int,
      "Pairs of positions per image for the drloc loss.", Limits.count(Limits.mostImages)),
    RecipeKey(
      drloc: "weight", "--drloc-weight", \.weight, .optionalNumber,
      "Weight λ of the drloc loss; null takes the network's own: 0.5 for Swin, 0.1 for the others.",
      { $0.flatMap(Limits.rate) }),
    RecipeKey(
      drloc: "scheduleWarmupEpochs", "--drloc-warmup-epochs", \.scheduleWarmupEpochs, .optionalInt,
      "Let λ rise over this many epochs and then fall to 0; null keeps it constant.",
      { $0.map { (0...Limits.mostEpochs).contains($0) } ?? true ? nil : "must not be negative" }),
  ]

  private static let images = [
    RecipeKey(
      "cropScale", "--min-crop", \.cropScale, .twoNumbers,
      "Part of an image that a random crop has, least and most; the option gives the least.",
      {
        $0.count == 2 && $0[0] > 0 && $0[0] <= $0[1] && $0[1] <= 1 ? nil : "must lie in 0...1, above 0"
      }),
    RecipeKey(
      "flipProbability", "--no-flip", \.flipProbability, .number,
      "How often images are mirrored; the option makes it 0.", Limits.share),
  ]

  private static let run = [
    RecipeKey("seed", "--seed", \.seed, .seed, "Seed of everything random."),
    RecipeKey(
      "validationFraction", "--val-fraction", \.validationFraction, .number,
      "Part of each class put aside where the data has no val folder.", Limits.part),
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
      "headOnly", "--head-only", \.headOnly, .flag, "Train the classifier (and the drloc head) only."),
  ]

  /// The keys of a recipe with this optimizer.
  package static func all(optimizer name: String) -> [RecipeKey] {
    let numbers = Optimizers.all.first { $0.name == name }.map { type in
      type.numbers.map { RecipeKey(number: $0, of: name) }
    }
    return updates + optimizer + (numbers ?? []) + regularization + drloc + images + run
  }

  /// Every key that some recipe has.
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
