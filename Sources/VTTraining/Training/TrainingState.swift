import VTCheckpoint
import VTCore

/// Where a run stands: with the weights and the optimizer's moments, all that resuming needs.
package struct TrainingState: Sendable, Equatable {
  /// Epoch under way, from 0.
  package var epoch = 0
  /// Batches of it that are done.
  package var batch = 0
  /// Updates made in all.
  package var updates = 0
  package var bestAccuracy: Double?
  package var bestEpoch: Int?
  package var isFinished = false
  /// Sums over the epoch under way.
  package var sums = Sums()

  package struct Sums: Sendable, Equatable {
    package var loss = 0.0
    package var crossEntropy = 0.0
    package var drloc = 0.0
    package var gradientNorm = 0.0
    package var correct = 0
    package var count = 0

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

  package init() {}

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

  /// - Throws: `Failure` naming the key that is missing or makes no sense.
  init(_ json: JSON) throws {
    var reader = try RecordReader(json, "the training state", allowsMissing: false)
    epoch = try reader.int("epoch")
    batch = try reader.int("batch")
    updates = try reader.int("updates")
    bestAccuracy = try reader.optional("best_accuracy", "a number", \.double)
    bestEpoch = try reader.optional("best_epoch", "a whole number", \.int)
    isFinished = try reader.flag("finished")
    var inner = try RecordReader(
      reader.value("sums", "an object") { $0 }, "the training state", prefix: "sums.", allowsMissing: false)
    sums = Sums(
      loss: try inner.number("loss"), crossEntropy: try inner.number("cross_entropy"),
      drloc: try inner.number("drloc"), gradientNorm: try inner.number("gradient_norm"),
      correct: try inner.int("correct"), count: try inner.int("count"))
    try inner.finish()
    try reader.finish()
  }

  /// Refuses what no run with such a recipe and data comes to.
  /// - Parameter batches: of an epoch.
  /// - Throws: `Failure` naming the key.
  func check(_ recipe: Recipe, batches: Int) throws {
    func check(_ holds: Bool, _ key: String, _ value: Int, _ range: String) throws {
      guard holds else {
        throw Failure("the training state's '\(key)' is \(value), and must lie in \(range)")
      }
    }
    try check((0...1_000_000).contains(epoch), "epoch", epoch, "0...1000000")
    try check((0...batches).contains(batch), "batch", batch, "0...\(batches)")
    let most = epoch * batches + batch
    try check((0...most).contains(updates), "updates", updates, "0...\(most)")
    let images = batch * recipe.batchSize
    try check((0...images).contains(sums.count), "sums.count", sums.count, "0...\(images)")
    try check((0...sums.count).contains(sums.correct), "sums.correct", sums.correct, "0...\(sums.count)")
    if let bestEpoch {
      try check(bestEpoch >= 0 && bestEpoch < epoch, "best_epoch", bestEpoch, "0..<\(epoch)")
    }
    if let bestAccuracy, !(0...1).contains(bestAccuracy) {
      throw Failure("the training state's 'best_accuracy' is \(bestAccuracy), and must lie in 0...1")
    }
    guard bestAccuracy == nil || bestEpoch != nil else {
      throw Failure("the training state has a 'best_accuracy' and no 'best_epoch'")
    }
  }
}
