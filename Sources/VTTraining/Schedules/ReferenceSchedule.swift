import Foundation

/// The learning rate as the method's reference code moves it (its `lr_scheduler.py` over timm's schedulers). It differs from
/// `LearningRateSchedule.rate` in three ways: the cosine counts from the start of the warm-up, so that the rate drops at
/// its end; a line ends at a hundredth of the base rate; and the schedule is set after each update, so that each update
/// has the rate of the one before.
extension LearningRateSchedule {
  /// What update `index` uses: update 0 has the value of the schedule's construction, update i that of `t = i - 1`.
  package func referenceRate(update index: Int) -> Double {
    if index == 0 { return warmupUpdates > 0 ? warmup : base }
    return referenceValue(at: index - 1)
  }

  /// The schedule's value at `t`.
  package func referenceValue(at t: Int) -> Double {
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
    case .oneCycle: preconditionFailure("the reference code has no one-cycle schedule")
    }
  }
}
