import Foundation

/// How the learning rate moves, update by update.
public struct LearningRateSchedule: Sendable, Equatable {
  /// How the rate moves after the warm-up.
  public enum Shape: String, Sendable, CaseIterable {
    /// Half a cosine from the base rate to the least one (Loshchilov and Hutter, ICLR 2017, without restarts).
    case cosine
    /// A straight line from the base rate to the least one.
    case linear
    /// Times `decayRate` every `decayUpdates`.
    case step
    /// As it is at the end of the warm-up.
    case constant
    /// Up and down by half cosines within the run (Smith and Topin, 2018; PyTorch's `OneCycleLR`).
    case oneCycle = "one-cycle"
  }

  package var shape: Shape
  package var base: Double
  /// Where the warm-up starts.
  package var warmup: Double
  package var minimum: Double
  /// W: updates of the warm-up.
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

  /// The rate of an update, from 0: `warmup` at first, `base` after W updates, the end of the shape after T.
  package func rate(update index: Int) -> Double {
    if shape == .oneCycle { return oneCycleRate(index) }
    guard index >= warmupUpdates else {
      return warmup + (base - warmup) * Double(index) / Double(warmupUpdates)
    }
    let done = index - warmupUpdates
    let progress = min(1, Double(done) / Double(max(1, totalUpdates - warmupUpdates)))
    return switch shape {
    case .cosine: Self.cosine(from: base, to: minimum, progress)
    case .linear: base + (minimum - base) * progress
    case .step: base * pow(decayRate, Double(done / decayUpdates))
    case .constant, .oneCycle: base
    }
  }

  /// From `base / 25` to `base` at the end of the warm-up, and to a 10,000th of the start at the last update.
  private func oneCycleRate(_ index: Int) -> Double {
    let start = base / 25
    let (top, last) = (Double(max(0, warmupUpdates - 1)), Double(totalUpdates - 1))
    if Double(index) <= top, top > 0 { return Self.cosine(from: start, to: base, Double(index) / top) }
    let progress = min(1, (Double(index) - top) / max(1, last - top))
    return Self.cosine(from: base, to: start / 10_000, progress)
  }

  private static func cosine(from start: Double, to end: Double, _ progress: Double) -> Double {
    end + 0.5 * (start - end) * (1 + cos(.pi * progress))
  }
}
