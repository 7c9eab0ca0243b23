import Foundation
import Testing
import TestSupport

@testable import VTTraining

/// How the learning rate moves in a run.
struct LearningRateTests {
  private static func schedule(_ shape: LearningRateSchedule.Shape, warmup: Int = 10) -> LearningRateSchedule
  {
    LearningRateSchedule(
      shape: shape, base: 1, warmup: 0.1, minimum: 0.01, warmupUpdates: warmup, totalUpdates: 110,
      decayUpdates: 25)
  }

  @Test(arguments: [LearningRateSchedule.Shape.cosine, .linear, .step, .constant])
  func theWarmUpEndsWhereTheShapeBegins(_ shape: LearningRateSchedule.Shape) {
    let schedule = Self.schedule(shape)
    #expect(schedule.rate(update: 0) == 0.1)
    expectClose([schedule.rate(update: 5)], [0.55], relative: 1e-12)
    #expect(schedule.rate(update: 10) == 1)
    #expect(Self.schedule(shape, warmup: 0).rate(update: 0) == 1)
  }

  @Test func eachShapeComesToItsEnd() {
    func rates(_ shape: LearningRateSchedule.Shape, _ updates: [Int]) -> [Double] {
      updates.map(Self.schedule(shape).rate(update:))
    }
    // A quarter, half and all of the way after the warm-up.
    expectClose(
      rates(.cosine, [35, 60, 110, 500]), [0.01 + 0.495 * (1 + cos(.pi / 4)), 0.505, 0.01, 0.01],
      relative: 1e-12)
    expectClose(rates(.linear, [35, 60, 110]), [0.7525, 0.505, 0.01], relative: 1e-12)
    expectClose(rates(.step, [34, 35, 60, 85]), [1, 0.1, 0.01, 0.001], relative: 1e-12)
    #expect(rates(.constant, [60, 109]) == [1, 1])
  }

  /// PyTorch 2.15: `OneCycleLR(optimizer, max_lr=1, total_steps=10)`, each step's rate.
  @Test func oneCycleIsPyTorchs() {
    let schedule = LearningRateSchedule(
      shape: .oneCycle, base: 1, warmup: 0, minimum: 0, warmupUpdates: 3, totalUpdates: 10)
    expectClose((0..<10).map(schedule.rate(update:)), Self.oneCycle, relative: 1e-12)
  }

  private static let oneCycle: [Double] = [
    0.040000000000000036, 0.52, 1.0, 0.9504846320134737, 0.8117456539497631, 0.6112620219362893,
    0.38874197806371075, 0.18825834605023697, 0.049519367986526286, 4e-06,
  ]

  /// A run of one epoch reaches its rate, and no update is wasted at 0.
  @Test func shortRunsReachTheRate() {
    for epochs in [1, 2, 5, 20, 100] {
      var recipe = Recipe()
      recipe.epochs = epochs
      let total = 10 * epochs
      let rates = (0..<total).map { recipe.rate(update: $0, updatesPerEpoch: 10) }
      #expect(rates.max() == recipe.learningRate && rates.allSatisfy { $0 >= recipe.minimumLearningRate })
      let top = rates.firstIndex(of: recipe.learningRate)!
      #expect(top <= total / 10)
      #expect(rates[top...] == rates[top...].sorted(by: >)[...])
    }
  }
}
