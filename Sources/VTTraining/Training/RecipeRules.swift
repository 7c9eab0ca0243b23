import VTCheckpoint
import VTCore

/// What a recipe's numbers may be. The command line and a run folder's `config.json` are held to the same rules.
extension Recipe {
  private struct Rule {
    /// The key in `config.json`, the option of the command line.
    let key: String
    let option: String
    let holds: Bool
    let says: String
  }

  /// More than anyone trains for; products of such numbers stay within an integer.
  private static let mostEpochs = 1_000_000
  private static let mostImages = 1 << 20

  private var rules: [Rule] {
    /// Rates are computed with in single precision.
    func isRate(_ value: Double) -> Bool { value >= 0 && Float(value).isFinite }
    func isPart(_ value: Double) -> Bool { value >= 0 && value < 1 }
    var rules = [
      Rule(
        key: "epochs", option: "--epochs", holds: (1...Self.mostEpochs).contains(epochs),
        says: epochs < 1 ? "must be at least 1" : "must be at most \(Self.mostEpochs)"),
      Rule(
        key: "batchSize", option: "--batch-size", holds: (1...Self.mostImages).contains(batchSize),
        says: batchSize < 1 ? "must be at least 1" : "must be at most \(Self.mostImages)"),
      Rule(
        key: "learningRate", option: "--learning-rate", holds: learningRate > 0 && isRate(learningRate),
        says: "must be positive"),
      Rule(
        key: "minimumLearningRate", option: "--min-learning-rate", holds: isRate(minimumLearningRate),
        says: "must not be negative"),
      Rule(
        key: "warmupLearningRate", option: "--warmup-learning-rate", holds: isRate(warmupLearningRate),
        says: "must not be negative"),
      Rule(
        key: "warmupEpochs", option: "--warmup-epochs",
        holds: warmupEpochs >= 0 && warmupEpochs <= Double(Self.mostEpochs), says: "must lie in 0...epochs"),
      Rule(
        key: "labelSmoothing", option: "--label-smoothing", holds: isPart(labelSmoothing),
        says: "must lie in 0..<1"),
      Rule(key: "dropPath", option: "--drop-path", holds: isPart(dropPath), says: "must lie in 0..<1"),
      Rule(key: "dropout", option: "--dropout", holds: isPart(dropout), says: "must lie in 0..<1"),
      Rule(
        key: "validationFraction", option: "--val-fraction", holds: isPart(validationFraction),
        says: "must lie in 0..<1"),
      Rule(
        key: "cropScale", option: "--min-crop",
        holds: cropScale.count == 2 && cropScale[0] > 0 && cropScale[0] <= cropScale[1] && cropScale[1] <= 1,
        says: "must lie in 0...1, above 0"),
      Rule(
        key: "flipProbability", option: "--no-flip", holds: (0...1).contains(flipProbability),
        says: "must lie in 0...1"),
      Rule(
        key: "optimizer.weightDecay", option: "--weight-decay", holds: isRate(optimizer.weightDecay),
        says: "must not be negative"),
      Rule(
        key: "optimizer.clipNorm", option: "--clip-norm",
        holds: optimizer.clipNorm.map { $0 > 0 && $0.isFinite } ?? true,
        says: "must be above 0, or 0 to leave gradients as they are"),
      Rule(
        key: "optimizer.beta1", option: "beta1", holds: isPart(optimizer.beta1), says: "must lie in 0..<1"),
      Rule(
        key: "optimizer.beta2", option: "beta2", holds: isPart(optimizer.beta2), says: "must lie in 0..<1"),
      Rule(
        key: "optimizer.eps", option: "eps", holds: optimizer.eps > 0 && isRate(optimizer.eps),
        says: "must be positive"),
    ]
    guard let drloc else { return rules }
    rules += [
      Rule(
        key: "drloc.pairs", option: "--drloc-pairs", holds: (1...Self.mostImages).contains(drloc.pairs),
        says: drloc.pairs < 1 ? "must be at least 1" : "must be at most \(Self.mostImages)"),
      Rule(
        key: "drloc.weight", option: "--drloc-weight", holds: isRate(drloc.weight),
        says: "must not be negative"),
      Rule(
        key: "drloc.scheduleWarmupEpochs", option: "--drloc-warmup-epochs",
        holds: drloc.scheduleWarmupEpochs.map { (0...Self.mostEpochs).contains($0) } ?? true,
        says: "must not be negative"),
      Rule(
        key: "drloc.normalizes", option: "--drloc-normalize",
        holds: !drloc.normalizes || drloc.target == .reference && drloc.mode == .l1,
        says: "goes with --drloc-target reference and --drloc-mode l1"),
    ]
    return rules
  }

  /// - Throws: `Failure` naming the option that makes no sense.
  package func validate() throws {
    guard let broken = rules.first(where: { !$0.holds }) else { return }
    throw Failure(.usage, "\(broken.option) \(broken.says)")
  }

  /// The same for a recipe that was read back.
  /// - Throws: `Failure` naming the key that makes no sense.
  func validateRecord() throws {
    guard let broken = rules.first(where: { !$0.holds }) else { return }
    throw Failure("the recipe's '\(broken.key)' \(broken.says)")
  }
}
