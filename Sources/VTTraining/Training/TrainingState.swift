import VTCheckpoint
import VTCore

/// The state of a run: with the weights and the optimizer's moments, all that resuming needs.
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
  /// Why the run ends before its last epoch, once a hook has said so.
  package var stopReason: String?
  /// The best epochs' checkpoints that stay, the best first; empty where `best` alone does.
  package var kept: [KeptCheckpoint] = []
  /// Updates that were made when another part of the network began to learn (`Recipe.unfreezeEvery`), one for each part.
  package var releases: [Int] = []
  /// Whose slots the checkpoint has; nil in those of versions that had AdamW alone.
  package var optimizer: String?
  /// Sums over the epoch under way.
  package var sums = Sums()

  package struct Sums: Sendable, Equatable {
    /// What was minimized and its parts, by name.
    package var losses = Metrics()
    package var gradientNorm = 0.0
    package var correct = 0
    package var count = 0

    mutating func add(_ step: StepResult) {
      losses.add(step.losses, times: Double(step.count))
      gradientNorm += step.gradientNorm * Double(step.count)
      correct += step.correct
      count += step.count
    }
  }

  package init() {}

  static let key = "vtkit.training_state"

  var json: JSON {
    let all: JSON = .object([
      "epoch": .int(epoch), "batch": .int(batch), "updates": .int(updates),
      "best_accuracy": bestAccuracy.map { .double($0) } ?? .null,
      "best_epoch": bestEpoch.map { .int($0) } ?? .null, "finished": .bool(isFinished),
      "sums": .object(
        sums.losses.all.map { JSON.Member(key: $0.name, value: .double($0.value)) } + [
          .init(key: "gradient_norm", value: .double(sums.gradientNorm)),
          .init(key: "correct", value: .int(sums.correct)), .init(key: "count", value: .int(sums.count)),
        ]),
    ])
    // Only where they say something: other versions know no such keys.
    var more = ["optimizer": optimizer, "stopped": stopReason].compactMapValues { $0.map(JSON.string) }
    if !kept.isEmpty { more["kept"] = .array(kept.map(\.json)) }
    if !releases.isEmpty { more["releases"] = .array(releases.map(JSON.int)) }
    return all.merging(more)
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
    if reader.keys.contains("optimizer") { optimizer = try reader.text("optimizer") }
    if reader.keys.contains("stopped") { stopReason = try reader.text("stopped") }
    if reader.keys.contains("kept") {
      kept = try reader.value("kept", "a list") { $0.array }.map { try KeptCheckpoint($0) }
    }
    if reader.keys.contains("releases") {
      releases = try reader.value("releases", "a list of whole numbers") { json in
        let counts = json.array?.compactMap(\.int)
        return counts?.count == json.array?.count ? counts : nil
      }
    }
    var inner = try RecordReader(
      reader.value("sums", "an object") { $0 }, "the training state", prefix: "sums.", allowsMissing: false)
    // All others are losses by name.
    for name in inner.keys where !["gradient_norm", "correct", "count"].contains(name) {
      sums.losses[name] = try inner.number(name)
    }
    sums.gradientNorm = try inner.number("gradient_norm")
    sums.correct = try inner.int("correct")
    sums.count = try inner.int("count")
    try inner.finish()
    try reader.finish()
  }

  /// Refuses what no run with such a recipe and data comes to.
  /// - Parameter batches: of an epoch.
  /// - Throws: `Failure` naming the key.
  func check(_ recipe: Recipe, batches: Int) throws {
    func check(_ holds: Bool, _ key: String, _ value: Int, _ range: String) throws {
      guard holds else {
        throw Failure("the training state's '\(key)' is \(value), and must be in \(range)")
      }
    }
    try check((0...1_000_000).contains(epoch), "epoch", epoch, "0...1000000")
    try check((0...batches).contains(batch), "batch", batch, "0...\(batches)")
    let most = epoch * batches + batch
    try check((0...most).contains(updates), "updates", updates, "0...\(most)")
    let images = batch * recipe.batchSize
    try check((0...images).contains(sums.count), "sums.count", sums.count, "0...\(images)")
    try check((0...sums.count).contains(sums.correct), "sums.correct", sums.correct, "0...\(sums.count)")
    try checkLosses(recipe)
    if let bestEpoch {
      try check(bestEpoch >= 0 && bestEpoch < epoch, "best_epoch", bestEpoch, "0..<\(epoch)")
    }
    if let bestAccuracy, !(0...1).contains(bestAccuracy) {
      throw Failure("the training state's 'best_accuracy' is \(bestAccuracy), and must be in 0...1")
    }
    guard bestAccuracy == nil || bestEpoch != nil else {
      throw Failure("the training state has a 'best_accuracy' and no 'best_epoch'")
    }
    try checkKept(recipe)
    let isRising = zip(releases, releases.dropFirst()).allSatisfy { $0 <= $1 }
    guard releases.count <= recipe.unfreezeEvery.map({ epoch / $0 }) ?? 0, isRising,
      releases.allSatisfy({ (0...updates).contains($0) })
    else {
      throw Failure("the training state's 'releases' are not those of a run with such a recipe")
    }
  }

  private func checkLosses(_ recipe: Recipe) throws {
    let known = recipe.lossNames
    // Versions before named losses wrote 0 for those that a run had not.
    if let unknown = sums.losses.all.first(where: { !known.contains($0.name) && $0.value != 0 }) {
      throw Failure("the training state's 'sums.\(unknown.name.printable)' is of no loss of the run's recipe")
    }
    if sums.count > 0, let missing = known.first(where: { sums.losses[$0] == nil }) {
      throw Failure("the training state lacks 'sums.\(missing)' (a finite number)")
    }
  }

  /// The same without the sums of losses that the recipe has not.
  func settled(for recipe: Recipe) -> TrainingState {
    var result = self
    for name in sums.losses.names where !recipe.lossNames.contains(name) { result.sums.losses[name] = nil }
    return result
  }
}
