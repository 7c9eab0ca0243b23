import Checkpoint

/// Where a run stands: with the weights and the optimizer's moments, all that resuming needs.
public struct TrainingState: Sendable, Equatable {
  /// Epoch under way, from 0.
  public var epoch = 0
  /// Batches of it that are done.
  public var batch = 0
  /// Updates made in all.
  public var updates = 0
  public var bestAccuracy: Double?
  public var bestEpoch: Int?
  public var isFinished = false
  /// Sums over the epoch under way.
  public var sums = Sums()

  public struct Sums: Sendable, Equatable {
    public var loss = 0.0
    public var crossEntropy = 0.0
    public var drloc = 0.0
    public var gradientNorm = 0.0
    public var correct = 0
    public var count = 0

    mutating func add(_ step: StepResult) {
      let n = Double(step.count)
      loss += step.loss * n
      crossEntropy += step.crossEntropy * n
      drloc += (step.drloc ?? 0) * n
      gradientNorm += step.gradientNorm * n
      correct += step.correct
      count += step.count
    }

    func mean(_ sum: Double) -> Double { count == 0 ? 0 : sum / Double(count) }
  }

  public init() {}

  static let key = "vtkit.training_state"

  var json: JSON {
    .object([
      "epoch": .int(epoch), "batch": .int(batch), "updates": .int(updates),
      "best_accuracy": bestAccuracy.map { .double($0) } ?? .null,
      "best_epoch": bestEpoch.map { .int($0) } ?? .null, "finished": .bool(isFinished),
      "sums": .object([
        "loss": .double(sums.loss), "cross_entropy": .double(sums.crossEntropy),
        "drloc": .double(sums.drloc), "gradient_norm": .double(sums.gradientNorm),
        "correct": .int(sums.correct), "count": .int(sums.count),
      ]),
    ])
  }

  init(_ json: JSON) throws {
    guard let epoch = json["epoch"]?.int, let batch = json["batch"]?.int,
      let updates = json["updates"]?.int, let finished = json["finished"]?.bool,
      let sums = json["sums"], let loss = sums["loss"]?.double,
      let crossEntropy = sums["cross_entropy"]?.double, let drloc = sums["drloc"]?.double,
      let norm = sums["gradient_norm"]?.double, let correct = sums["correct"]?.int,
      let count = sums["count"]?.int
    else { throw Failure("the training state is damaged") }
    self.epoch = epoch
    self.batch = batch
    self.updates = updates
    isFinished = finished
    bestAccuracy = json["best_accuracy"]?.double
    bestEpoch = json["best_epoch"]?.int
    self.sums = Sums(
      loss: loss, crossEntropy: crossEntropy, drloc: drloc, gradientNorm: norm, correct: correct,
      count: count)
  }
}
