import Checkpoint
import Datasets
import Foundation

/// Everything that decides a training run besides the data and the starting weights.
public struct Recipe: Sendable, Codable, Equatable {
  public var epochs = 20
  public var batchSize = 32
  /// Rate after the warm-up.
  public var learningRate = 2e-4
  /// Rate at the end of a cosine.
  public var minimumLearningRate = 1e-6
  /// Rate at the start of the warm-up.
  public var warmupLearningRate = 1e-6
  public var warmupEpochs = 2.0
  public var schedule = LearningRateSchedule.Shape.cosine
  public var optimizer = AdamW.Options()
  public var labelSmoothing = 0.1
  public var dropPath = 0.0
  public var dropout = 0.0
  /// nil trains with cross-entropy alone.
  public var drloc: DrlocOptions? = DrlocOptions()
  public var cropScale = [0.35, 1.0]
  public var flipProbability = 0.5
  public var seed: UInt64 = 0
  public var validationFraction = 0.2
  /// Whether an unreadable picture ends the run.
  public var strictData = false
  /// Whether batch norms keep their running statistics: for batches of a few pictures.
  public var freezesBatchNorm = false
  /// Whether blocks are computed twice rather than kept: less memory, more time, the same bits.
  public var recomputes = false
  /// Whether only the new head (and the drloc head) learns.
  public var headOnly = false

  public init() {}

  /// - Throws: `Failure` naming the option that makes no sense.
  public func validate() throws {
    func check(_ holds: Bool, _ problem: String) throws {
      guard holds else { throw Failure(.usage, problem) }
    }
    try check(epochs > 0, "--epochs must be at least 1")
    try check(batchSize > 0, "--batch-size must be at least 1")
    try check(learningRate > 0 && learningRate.isFinite, "--learning-rate must be positive")
    try check(
      minimumLearningRate >= 0 && warmupLearningRate >= 0,
      "learning rates must not be negative")
    try check(
      warmupEpochs >= 0 && warmupEpochs <= Double(epochs), "--warmup-epochs must lie in 0...epochs")
    try check(
      labelSmoothing >= 0 && labelSmoothing < 1, "--label-smoothing must lie in 0..<1")
    try check(dropPath >= 0 && dropPath < 1, "--drop-path must lie in 0..<1")
    try check(dropout >= 0 && dropout < 1, "--dropout must lie in 0..<1")
    try check(
      validationFraction >= 0 && validationFraction < 1, "--val-fraction must lie in 0..<1")
    try check(
      cropScale.count == 2 && cropScale[0] > 0 && cropScale[0] <= cropScale[1] && cropScale[1] <= 1,
      "--min-crop must lie in 0...1, above 0")
    try check(optimizer.weightDecay >= 0, "--weight-decay must not be negative")
    try check(
      optimizer.clipNorm.map { $0 > 0 } ?? true,
      "--clip-norm must be above 0, or 0 to leave gradients as they are")
    if let drloc {
      try check(drloc.pairs > 0, "--drloc-pairs must be at least 1")
      try check(drloc.weight >= 0, "--drloc-weight must not be negative")
      try check(
        !drloc.normalizes || drloc.target == .reference && drloc.mode == .l1,
        "--drloc-normalize goes with --drloc-target reference and --drloc-mode l1")
    }
  }

  var augmentation: Augmentation {
    Augmentation(cropScale: cropScale[0]...cropScale[1], flipProbability: flipProbability)
  }

  func rateSchedule(updatesPerEpoch: Int) -> LearningRateSchedule {
    LearningRateSchedule(
      shape: schedule, base: learningRate, warmup: warmupLearningRate,
      minimum: minimumLearningRate, warmupUpdates: Int(warmupEpochs * Double(updatesPerEpoch)),
      totalUpdates: epochs * updatesPerEpoch, decayUpdates: updatesPerEpoch * max(1, epochs / 3))
  }

  /// Drloc's usual weight: 0.5 for Swin, 0.1 for the others (the paper's section 5).
  public static func defaultDrlocWeight(architecture: String) -> Double {
    architecture == "swin" ? 0.5 : 0.1
  }
}
