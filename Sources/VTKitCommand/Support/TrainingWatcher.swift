import Foundation
import VTTraining

/// Shows a run: a bar for the epoch on a terminal, a line for each that ended.
final class TrainingWatcher {
  /// Known once the run has been made ready.
  var epochs = 0
  private let quiet: Bool
  private var bar: ProgressBar?
  private var batches = 0

  init(quiet: Bool) { self.quiet = quiet }

  func see(_ event: TrainingEvent) {
    switch event {
    case .told(let text): tell(text)
    case .noted(let text): tell("note: " + text)
    case .warned(let text): Console.warning(text)
    case .checking(let done, let total):
      if bar == nil { bar = ProgressBar("checking the images", total: total) }
      bar?.show(done)
      if done == total { end() }
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
    case .epochEnded(let result):
      end()
      if !quiet { print(line(result)) }
      fflush(nil)
    case .exported(let text): quiet ? tell(text) : print(text)
    }
  }

  private func tell(_ text: String) {
    end()
    Console.line(text)
  }

  private func end() {
    bar?.finish()
    bar = nil
  }

  private func line(_ r: EpochResult) -> String {
    var text = "epoch \(r.epoch + 1)/\(epochs)  loss \(Format.fixed(r.trainLoss, 4))"
    // The parts beside the first, which the loss itself shows.
    for part in r.trainLosses.all.dropFirst(2) { text += "  \(part.name) \(Format.fixed(part.value, 4))" }
    text += "  train \(Format.percent(r.trainAccuracy))"
    if let validation = r.validation { text += "  val \(Format.percent(validation.accuracy))" }
    return text + "  \(Format.fixed(r.seconds, 1)) s" + (r.isBest ? "  best" : "")
  }
}
