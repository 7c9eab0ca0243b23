import Foundation
import VTCore

/// What a run tells whoever watches it.
public enum TrainingEvent: CustomStringConvertible {
  /// A fact about the run, such as how many images it has.
  case told(String)
  /// Something that was chosen, assumed or left out.
  case noted(String)
  /// Something that may be a mistake, or that whoever resumes should know.
  case warned(String)
  /// Before a run with `strictData`: so many of all images can be read.
  case checking(done: Int, of: Int)
  case epochBegan(epoch: Int, batches: Int, done: Int)
  case updated(epoch: Int, batch: Int, StepResult)
  case evaluating(done: Int, of: Int)
  case epochEnded(EpochResult)
  /// An image that cannot be read; told once.
  case unreadable(Failure)
  /// Weights that were written after training, in words.
  case exported(String)

  /// In words; epochs count from 1.
  public var description: String {
    switch self {
    case .told(let text), .exported(let text): text
    case .noted(let text): "note: " + text
    case .warned(let text): "warning: " + text
    case .checking(let done, let total): "\(done) of \(total) images can be read"
    case .epochBegan(let epoch, let batches, _): "epoch \(epoch + 1): \(batches.counted("batch", "batches"))"
    case .updated(let epoch, let batch, let step):
      "epoch \(epoch + 1), batch \(batch): loss \(String(format: "%.4f", step.loss))"
    case .evaluating(let done, let total): "evaluating: \(done) of \(total.counted("image"))"
    case .epochEnded(let result):
      "epoch \(result.epoch + 1) done: loss \(String(format: "%.4f", result.trainLoss))"
        + (result.validation.map { String(format: ", accuracy %.3f", $0.accuracy) } ?? "")
        + (result.isBest ? ", the best so far" : "")
    case .unreadable(let failure): "warning: " + failure.description + " (skipped)"
    }
  }
}
