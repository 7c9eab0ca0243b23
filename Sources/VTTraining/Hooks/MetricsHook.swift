import Foundation
import VTCore

/// Writes every update and every epoch to `metrics.jsonl` and to TensorBoard's events.
final class MetricsHook: TrainingHook {
  private let log: MetricsLog
  private let board: TensorBoardLog?

  /// What was wrong with the lines of the log that were there.
  var remark: String? { log.remark }

  /// - Throws: `Failure` where the log cannot be written.
  init(_ folder: RunFolder, after state: TrainingState, _ board: TensorBoardLog?) throws {
    log = try MetricsLog(folder.metricsPath, after: state)
    self.board = board
  }

  func updated(_ result: StepResult, _ trainer: Trainer) throws {
    var numbers = result.losses
    numbers["gradient_norm"] = result.gradientNorm
    numbers["learning_rate"] = result.learningRate
    try write("update", trainer.state, epoch: trainer.state.epoch, numbers.all.map { ($0.name, $0.value) })
    board?.scalars(
      numbers.all.map { ("train/" + $0.name, $0.value) }, step: trainer.state.updates, time: Date())
  }

  func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws {
    var numbers: [(String, Double?)] = result.trainLosses.all.map { ("train_" + $0.name, $0.value) }
    numbers += result.constantLosses.all.map { ("constant_" + $0.name, $0.value) }
    numbers.append(("train_accuracy", result.trainAccuracy))
    numbers += [
      ("val_loss", result.validation?.loss), ("val_accuracy", result.validation?.accuracy),
      ("val_top5", result.validation?.top5Accuracy),
    ]
    func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
    try write(
      "epoch", trainer.state, epoch: result.epoch,
      numbers + [
        ("seconds", rounded(result.seconds)), ("images_per_second", rounded(result.imagesPerSecond)),
        ("time", rounded(Date().timeIntervalSince1970)),
      ])
    board?.scalars(
      numbers.compactMap { name, value in value.map { ("epoch/" + name, $0) } }, step: trainer.state.updates,
      time: Date())
  }

  private func write(
    _ kind: String, _ state: TrainingState, epoch: Int, _ numbers: [(String, Double?)]
  ) throws {
    let head: [JSON.Member] = [
      .init(key: "kind", value: .string(kind)), .init(key: "update", value: .int(state.updates)),
      .init(key: "epoch", value: .int(epoch)),
    ]
    let rest = numbers.map { JSON.Member(key: $0.0, value: $0.1.map { .double($0) } ?? .null) }
    try log.append(.object(head + rest))
  }
}
