import Foundation

/// How the learning rate moves, update by update. Definitions are those of the method's reference
/// code (its `lr_scheduler.py` over timm's schedulers).
public struct LearningRateSchedule: Sendable, Equatable {
  /// How the rate moves after the warm-up.
  public enum Shape: String, Sendable, CaseIterable {
    /// `min + (base - min)(1 + cos(π t / T)) / 2`, t counted from the very start.
    case cosine
    /// From `base` at the end of the warm-up to `base / 100` at the end.
    case linear
    /// Times `decayRate` every `decayUpdates` after the warm-up.
    case step
    /// As it is at the end of the warm-up.
    case constant
  }

  package var shape: Shape
  package var base: Double
  /// Where the warm-up starts.
  package var warmup: Double
  package var minimum: Double
  /// W: updates of the linear warm-up.
  package var warmupUpdates: Int
  /// T: updates in all.
  package var totalUpdates: Int
  package var decayRate: Double
  package var decayUpdates: Int

  package init(
    shape: Shape, base: Double, warmup: Double, minimum: Double, warmupUpdates: Int,
    totalUpdates: Int, decayRate: Double = 0.1, decayUpdates: Int = 1
  ) {
    self.shape = shape
    self.base = base
    self.warmup = warmup
    self.minimum = minimum
    self.warmupUpdates = warmupUpdates
    self.totalUpdates = totalUpdates
    self.decayRate = decayRate
    self.decayUpdates = max(1, decayUpdates)
  }

  /// The schedule's value at `t`.
  package func value(at t: Int) -> Double {
    if t < warmupUpdates {
      return warmup + Double(t) * (base - warmup) / Double(warmupUpdates)
    }
    switch shape {
    case .constant: return base
    case .cosine:
      if t >= totalUpdates { return minimum }
      return minimum + 0.5 * (base - minimum)
        * (1 + cos(.pi * Double(t) / Double(totalUpdates)))
    case .linear:
      let (u, n) = (t - warmupUpdates, totalUpdates - warmupUpdates)
      return base - (base - 0.01 * base) * Double(u) / Double(max(1, n))
    case .step: return base * pow(decayRate, Double((t - warmupUpdates) / decayUpdates))
    }
  }

  /// What update `index` uses: the schedule is set after each update, so update 0 has the value of its
  /// construction and update i that of `t = i - 1`.
  package func rate(update index: Int) -> Double {
    if index == 0 { return warmupUpdates > 0 ? warmup : base }
    return value(at: index - 1)
  }
}

/// λ over the epochs: constant, or up from 0 over the warm-up and then down to 0 at the end.
/// - Precondition: the options have a weight.
package func drlocWeight(_ options: DrlocOptions, epoch: Int, epochs: Int) -> Double {
  guard let weight = options.weight else { preconditionFailure("the recipe is not settled") }
  guard let warmup = options.scheduleWarmupEpochs else { return weight }
  if warmup > 0, epoch <= warmup { return min(weight / Double(warmup) * Double(epoch), weight) }
  guard epochs > warmup else { return weight }
  return max(0, weight * (1 - Double(epoch - warmup) / Double(epochs - warmup)))
}
