import Foundation
import VTTraining

/// Shows a run: a bar for the epoch on a terminal, a line for each that ended.
final class TrainingWatcher {
  private let epochs: Int
  private let quiet: Bool
  private var bar: ProgressBar?
  private var batches = 0

  init(epochs: Int, quiet: Bool) {
    self.epochs = epochs
    self.quiet = quiet
  }

  func see(_ event: TrainingEvent) {
    switch event {
    case .epochBegan(let epoch, let batches, let done):
      self.batches = batches
      bar = ProgressBar("epoch \(epoch + 1)/\(epochs)", total: batches)
      bar?.show(done)
    case .updated(_, let batch, let step):
      bar?.show(batch, note: "loss \(Format.fixed(step.loss, 3))")
    case .evaluating(let done, let total):
      if done <= total { bar?.show(batches, note: "evaluating \(done)/\(total)") }
    case .unreadable(let failure):
      bar?.finish()
      Console.warning(failure.description + " (skipped)")
    case .warned(let text): Console.warning(text)
    case .epochEnded(let result):
      bar?.finish()
      if !quiet { print(line(result)) }
      fflush(nil)
    }
  }

  private func line(_ r: EpochResult) -> String {
    var text = "epoch \(r.epoch + 1)/\(epochs)  loss \(Format.fixed(r.trainLoss, 4))"
    if let drloc = r.trainDrloc { text += "  drloc \(Format.fixed(drloc, 4))" }
    text += "  train \(Format.percent(r.trainAccuracy))"
    if let validation = r.validation { text += "  val \(Format.percent(validation.accuracy))" }
    return text + "  \(Format.fixed(r.seconds, 1)) s" + (r.isBest ? "  best" : "")
  }
}
