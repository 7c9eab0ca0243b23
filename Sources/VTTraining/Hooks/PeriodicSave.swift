import Foundation

/// Saves long epochs now and then, so that a crash costs minutes at most.
final class PeriodicSave: TrainingHook {
  private let seconds: Double

  init(everySeconds seconds: Double = 120) { self.seconds = seconds }

  func updated(_ result: StepResult, _ trainer: Trainer) throws {
    if -trainer.lastSave.timeIntervalSinceNow > seconds { try trainer.save() }
  }
}
