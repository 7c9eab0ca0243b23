import ArgumentParser
import Foundation
import VTCore
import VTData
import VTTraining

extension LearningRateSchedule.Shape: ExpressibleByArgument {}
extension DrlocOptions.Target: ExpressibleByArgument {}
extension DrlocOptions.Mode: ExpressibleByArgument {}
extension ClassificationLoss: ExpressibleByArgument {}
extension Sampling: ExpressibleByArgument {}
extension DistillationMode: ExpressibleByArgument {}
extension RandomErasing.Mode: ExpressibleByArgument {}

/// The training recipe: a file, and what the options say over it. Their help is that of the recipe's keys.
struct RecipeArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A recipe: a file (JSON), or by name \(NamedRecipe.all.map(\.name).joined(separator: ", ")). auto chooses among them by the number of images and whether there is a checkpoint, and says what and why. What a recipe leaves out has its default, and the options below overrule it.",
      valueName: "file"),
    completion: .file(extensions: ["json"]))
  var recipe: String?

  @Flag(help: "Print the recipe that the file and the options give, and train nothing.")
  var printRecipe = false

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a key of the recipe: optimizer.beta2=0.95. May be repeated.", valueName: "key=value"))
  var settings: [String] = []

  @Option(help: .recipe("epochs", "n")) var epochs: Int?
  @Option(name: [.long, .customShort("b")], help: .recipe("batchSize", "n")) var batchSize: Int?
  @Option(help: .recipe("accumulation", "n")) var accumulate: Int?
  @Flag(inversion: .prefixedNo, help: .recipe("dropsLastBatch")) var dropLast: Bool?
  @Option(name: [.long, .customLong("lr")], help: .recipe("learningRate", "rate")) var learningRate: Double?
  @Option(help: .recipe("minimumLearningRate", "rate")) var minLearningRate: Double?
  @Option(help: .recipe("warmupLearningRate", "rate")) var warmupLearningRate: Double?
  @Option(help: .recipe("warmupEpochs", "n")) var warmupEpochs: Double?
  @Option(help: .recipe("schedule", "name")) var schedule: LearningRateSchedule.Shape?
  @Option(help: .recipe("decayEpochs", "n")) var decayEpochs: Double?
  @Option(help: .recipe("decayRate", "x")) var decayRate: Double?
  @Flag(help: .recipe("followsReferenceSchedule")) var referenceSchedule = false
  @Option(help: .recipe("optimizer.name", "name"), completion: .list(Optimizers.names)) var optimizer: String?
  @Option(help: .recipe("optimizer.momentum", "x")) var momentum: Double?
  @Option(help: .recipe("optimizer.weightDecay", "x")) var weightDecay: Double?
  @Option(help: .recipe("optimizer.clipNorm", "x")) var clipNorm: Double?
  @Option(help: .recipe("layerDecay", "x")) var layerDecay: Double?
  @Option(help: .recipe("averageDecay", "decay")) var ema: Double?
  @Option(help: .recipe("patience", "n")) var patience: Int?
  @Option(help: .recipe("keepBest", "n")) var keepBest: Int?
  @Option(help: .recipe("saveEvery", "interval")) var saveEvery: String?
  @Option(help: .recipe("loss", "name")) var loss: ClassificationLoss?
  @Option(help: .recipe("labelSmoothing", "x")) var labelSmoothing: Double?
  @Option(help: .recipe("dropPath", "rate")) var dropPath: Double?
  @Option(help: .recipe("dropout", "rate")) var dropout: Double?
  @Option(help: .recipe("mixup", "alpha")) var mixup: Double?
  @Option(help: .recipe("cutmix", "alpha")) var cutmix: Double?
  @Option(help: .recipe("mixProbability", "x")) var mixProbability: Double?
  @Option(help: .recipe("sampling", "name")) var sampling: Sampling?
  @Flag(help: .recipe("balancesClasses")) var balanceClasses = false
  @Option(help: .recipe("repeats", "n")) var repeats: Int?
  @Option(help: .recipe("cropScale", "part")) var minCrop: Double?
  @Flag(help: .recipe("augments")) var noAugmentation = false
  @Option(help: .recipe("views", "n")) var views: Int?
  @Flag(help: "Never flip images.") var noFlip = false
  @Option(help: .recipe("verticalFlipProbability", "p")) var vflip: Double?
  @Option(help: .recipe("rotationDegrees", "degrees")) var rotation: Double?
  @Option(
    name: [.customLong("auto-augment"), .customLong("aa")], help: .recipe("augmentationPolicy", "name"),
    completion: .list(AugmentationPolicies.examples))
  var autoAugment: String?
  @Option(help: .recipe("colorJitter", "x")) var colorJitter: String?
  @Option(help: .recipe("grayscaleProbability", "p")) var grayscale: Double?
  @Option(help: .recipe("erasingProbability", "p")) var randomErase: Double?
  @Option(help: .recipe("erasingMode", "name")) var randomEraseMode: RandomErasing.Mode?
  @Option(help: .recipe("erasingCount", "n")) var randomEraseCount: Int?
  @Flag(help: "Train without the dense relative localization loss.") var noDrloc = false
  @Option(help: .recipe("drloc.weight", "x")) var drlocWeight: Double?
  @Option(help: .recipe("drloc.pairs", "n")) var drlocPairs: Int?
  @Option(help: .recipe("drloc.target", "name")) var drlocTarget: DrlocOptions.Target?
  @Option(help: .recipe("drloc.mode", "name")) var drlocMode: DrlocOptions.Mode?
  @Flag(help: .recipe("drloc.isSigned")) var drlocSigned = false
  @Flag(help: .recipe("drloc.normalizes")) var drlocNormalize = false
  @Flag(help: .recipe("drloc.isMultiscale")) var drlocMultiscale = false
  @Option(help: .recipe("drloc.scheduleWarmupEpochs", "n")) var drlocWarmupEpochs: Int?
  @Flag(help: .recipe("freezesBatchNorm")) var freezeBatchNorm = false
  @Flag(help: .recipe("recomputes")) var recompute = false
  @Option(help: .recipe("distillationMode")) var distillation: DistillationMode?
  @Option(help: .recipe("distillationWeight", "part")) var distillationWeight: Double?
  @Option(help: .recipe("distillationTemperature", "x")) var distillationTemperature: Double?
  @Option(help: .recipe("cacheSize", "size")) var cache: ByteSize?
  @Flag(help: .recipe("cachesOnDisk")) var cacheOnDisk = false
  @Flag(help: .recipe("headOnly")) var headOnly = false
  @Option(help: .recipe("frozenBlocks", "n")) var freezeBlocks: Int?
  @Option(help: .recipe("unfreezeEvery", "epochs")) var unfreezeEvery: Int?
  @Option(help: .recipe("freeze", "pattern")) var freeze: [String] = []
  @Option(help: .recipe("loraRank", "n")) var loraRank: Int?
  @Option(help: .recipe("loraAlpha", "x")) var loraAlpha: Double?
  @Option(help: .recipe("loraTargets", "pattern")) var loraTarget: [String] = []
  @Option(help: .recipe("seed", "n")) var seed: UInt64?
  @Option(help: .recipe("validationFraction", "part")) var valFraction: Double?
  @Flag(help: .recipe("strictData")) var strictData = false

  /// What the options say, by the recipe's keys.
  private func overrides() throws -> [Recipe.Override] {
    func number(_ key: String, _ value: Double?) -> (String, JSON?) { (key, value.map { .number("\($0)") }) }
    func int(_ key: String, _ value: Int?) -> (String, JSON?) { (key, value.map(JSON.int)) }
    func text(_ key: String, _ value: String?) -> (String, JSON?) { (key, value.map(JSON.string)) }
    func flag(_ key: String, _ value: Bool) -> (String, JSON?) { (key, value ? .bool(true) : nil) }
    let given: [(String, JSON?)] = [
      int("epochs", epochs), int("batchSize", batchSize),
      int("accumulation", accumulate), ("dropsLastBatch", dropLast.map(JSON.bool)),
      number("learningRate", learningRate),
      number("minimumLearningRate", minLearningRate), number("warmupLearningRate", warmupLearningRate),
      number("warmupEpochs", warmupEpochs), text("schedule", schedule?.rawValue),
      number("decayEpochs", decayEpochs), number("decayRate", decayRate),
      flag("followsReferenceSchedule", referenceSchedule),
      text("optimizer.name", optimizer), number("optimizer.momentum", momentum),
      number("optimizer.weightDecay", weightDecay),
      ("optimizer.clipNorm", clipNorm.map { $0 == 0 ? .null : .number("\($0)") }),
      number("layerDecay", layerDecay), number("averageDecay", ema), int("patience", patience),
      int("keepBest", keepBest), text("saveEvery", saveEvery), int("unfreezeEvery", unfreezeEvery),
      text("loss", loss?.rawValue), number("mixup", mixup), number("cutmix", cutmix),
      number("mixProbability", mixProbability), text("sampling", sampling?.rawValue),
      flag("balancesClasses", balanceClasses), int("repeats", repeats), int("frozenBlocks", freezeBlocks),
      int("loraRank", loraRank), number("loraAlpha", loraAlpha),
      ("loraTargets", loraTarget.isEmpty ? nil : .array(loraTarget.map(JSON.string))),
      ("freeze", freeze.isEmpty ? nil : .array(freeze.map(JSON.string))),
      number("labelSmoothing", labelSmoothing), number("dropPath", dropPath), number("dropout", dropout),
      ("cropScale", minCrop.map { .array([.number("\($0)"), .int(1)]) }),
      ("flipProbability", noFlip ? .int(0) : nil), ("augments", noAugmentation ? .bool(false) : nil),
      text("distillationMode", distillation?.rawValue), number("distillationWeight", distillationWeight),
      number("distillationTemperature", distillationTemperature), int("views", views),
      ("cacheSize", cache.map { .int($0.bytes) }), flag("cachesOnDisk", cacheOnDisk),
      ("drloc", noDrloc ? .null : nil),
      number("verticalFlipProbability", vflip), number("rotationDegrees", rotation),
      text("augmentationPolicy", autoAugment), ("colorJitter", colorJitter.map(Self.numbers)),
      number("grayscaleProbability", grayscale), number("erasingProbability", randomErase),
      text("erasingMode", randomEraseMode?.rawValue), int("erasingCount", randomEraseCount),
      number("drloc.weight", drlocWeight), int("drloc.pairs", drlocPairs),
      text("drloc.target", drlocTarget?.rawValue), text("drloc.mode", drlocMode?.rawValue),
      flag("drloc.isSigned", drlocSigned), flag("drloc.normalizes", drlocNormalize),
      flag("drloc.isMultiscale", drlocMultiscale), int("drloc.scheduleWarmupEpochs", drlocWarmupEpochs),
      flag("freezesBatchNorm", freezeBatchNorm), flag("recomputes", recompute), flag("headOnly", headOnly),
      ("seed", seed.map { .number(String($0)) }), number("validationFraction", valFraction),
      flag("strictData", strictData),
    ]
    return given.compactMap { key, value in value.map { Recipe.Override(key, $0) } }
      + (try settings.map { try Recipe.Override(parsing: $0) })
  }

  /// A number, or several with commas between; anything else stays text, which the key refuses.
  private static func numbers(_ text: String) -> JSON {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(Double.init)
    guard !parts.contains(nil) else { return .string(text) }
    let numbers = parts.compactMap { $0 }.map(JSON.double)
    return numbers.count == 1 ? numbers[0] : .array(numbers)
  }

  /// - Throws: `Failure` naming the file's key or the option that makes no sense.
  func resolved() throws -> Recipe {
    try resolved(over: recipe.map { try NamedRecipe.recipe($0) } ?? Recipe())
  }

  /// Whether `--recipe auto` is given, and no file of that name is there.
  var isChosenByImages: Bool {
    recipe == RecipeChoice.name && !FileManager.default.fileExists(atPath: RecipeChoice.name)
  }

  private func resolved(over base: Recipe) throws -> Recipe {
    var result = base
    try result.apply(overrides())
    try result.validate()
    return result
  }

  /// The recipe and the images; with `--recipe auto` they choose it.
  /// - Parameters:
  ///   - isPretrained: whether there is a checkpoint.
  ///   - watch: told what was chosen, and why.
  func resolved(
    for data: String, usesTestSplit: Bool, isPretrained: Bool, watch: (TrainingEvent) throws -> Void
  ) throws -> (recipe: Recipe, images: any ImageDataSet) {
    func images(_ recipe: Recipe) throws -> any ImageDataSet {
      try ImageDataSets.open(
        data, validationFraction: recipe.validationFraction, seed: recipe.seed, usesTestSplit: usesTestSplit)
    }
    guard isChosenByImages else {
      let recipe = try resolved()
      return (recipe, try images(recipe))
    }
    // No recipe that may be chosen divides the images in another way.
    var first = Recipe()
    try first.apply(overrides())
    let found = try images(first)
    let choice = RecipeChoice(images: found.training.count, isPretrained: isPretrained)
    try watch(.told(choice.summary))
    return (try resolved(over: choice.recipe), found)
  }
}

extension ArgumentHelp {
  /// What the recipe's key means, with its default.
  static func recipe(_ name: String, _ valueName: String? = nil) -> ArgumentHelp {
    guard let key = RecipeKey.all.first(where: { $0.name == name }) else {
      preconditionFailure("the recipe has no key '\(name)'")
    }
    return ArgumentHelp("\(key.meaning)\(valueName == nil ? "" : key.usualText)", valueName: valueName)
  }
}
