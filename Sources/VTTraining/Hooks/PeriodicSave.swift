import Foundation
import VTCore

/// How often a run is saved within an epoch, as a recipe says it: `100` updates, or `2min`.
package enum SaveInterval: Sendable, Equatable {
  case updates(Int)
  case minutes(Double)

  /// nil where the text says neither.
  init?(_ text: String) {
    if let count = Int(text) {
      self = .updates(count)
    } else if text.hasSuffix("min"), let minutes = Double(text.dropLast(3)) {
      self = .minutes(minutes)
    } else {
      return nil
    }
  }

  var isPossible: Bool {
    switch self {
    case .updates(let count): (1...1 << 40).contains(count)
    case .minutes(let minutes): minutes > 0 && minutes <= 1e6
    }
  }

  var json: JSON {
    switch self {
    case .updates(let count): .int(count)
    case .minutes(let minutes): .string((Int(exactly: minutes).map { "\($0)" } ?? "\(minutes)") + "min")
    }
  }
}

/// Saves long epochs now and then, so that a crash costs what was done since at most.
final class PeriodicSave: TrainingHook {
  private let interval: SaveInterval

  init(every interval: SaveInterval) { self.interval = interval }

  func updated(_ result: StepResult, _ trainer: Trainer) throws {
    let isDue =
      switch interval {
      case .updates(let count): trainer.state.updates % count == 0
      case .minutes(let minutes): -trainer.lastSave.timeIntervalSinceNow > 60 * minutes
      }
    if isDue { try trainer.save() }
  }
}
