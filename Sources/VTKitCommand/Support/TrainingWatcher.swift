import Foundation
import VTCore
import VTTraining

/// Shows a run: a bar for the epoch on a terminal, a line for each that ended.
final class TrainingWatcher {
  /// Known once the run has been made ready.
  var epochs = 0
  private let quiet: Bool
  private var bar: ProgressBar?
  private var batches = 0
  /// Images of the epoch so far, since when, and from which batch on.
  private var speed = (images: 0, since: Date(), from: 0)
  /// How long the last epoch took; nil before one has ended.
  private var epochSeconds: Double?

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
      speed = (0, Date(), done)
      bar = ProgressBar("epoch \(epoch + 1)/\(epochs)", total: batches)
      bar?.show(done)
    case .updated(let epoch, let batch, let step):
      speed.images += step.count
      bar?.show(batch, note: "loss \(Format.fixed(step.loss, 3))  \(pace(epoch: epoch, batch: batch))  epoch")
    case .evaluating(let done, let total):
      if done <= total { bar?.show(batches, note: "evaluating \(done)/\(total)") }
    case .unreadable(let failure):
      bar?.finish()
      Console.warning(failure.description + " (skipped)")
    case .epochEnded(let result):
      end()
      epochSeconds = result.seconds
      if !quiet { print(line(result)) }
      fflush(nil)
    case .exported(let text): quiet ? tell(text) : print(text)
    }
  }

  /// Images a second, and the time that the run has left.
  private func pace(epoch: Int, batch: Int) -> String {
    let seconds = max(1e-3, -speed.since.timeIntervalSinceNow)
    let perBatch = seconds / Double(max(1, batch - speed.from))
    let whole = epochSeconds ?? perBatch * Double(batches)
    let left = perBatch * Double(batches - batch) + whole * Double(max(0, epochs - epoch - 1))
    return "\(Format.fixed(Double(speed.images) / seconds, 0)) images/s  run \(ProgressBar.clock(left)) left"
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
    for part in r.trainLosses.all.dropFirst(2) {
      text += "  \(part.name) \(Format.fixed(part.value, 4))"
      // So that one sees whether the task is being learned.
      if let constant = r.constantLosses[part.name] { text += " (constant \(Format.fixed(constant, 2)))" }
    }
    text += "  train \(Format.percent(r.trainAccuracy))"
    if let validation = r.validation { text += "  val \(Format.percent(validation.accuracy))" }
    return text + "  \(Format.fixed(r.seconds, 1)) s" + (r.isBest ? "  best" : "")
  }
}
