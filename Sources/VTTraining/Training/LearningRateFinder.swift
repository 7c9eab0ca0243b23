import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTModels
import VTTensor

/// The learning-rate range test (Smith, WACV 2017): a short run whose rate grows from update to update. The rate at which
/// the loss falls fastest is a good one to train with; where the loss rises again, it is too large.
package struct LearningRateFinder: Sendable {
  package struct Point: Sendable {
    package let rate: Double
    package let loss: Double
    /// A running mean of the loss, which tells more than single batches.
    package let smoothed: Double
  }

  /// How the test is made.
  package struct Range: Sendable {
    package var first = 1e-7
    package var last = 1.0
    package var updates = 100

    package init() {}

    func rate(_ update: Int) -> Double {
      first * pow(last / first, Double(update) / Double(max(1, updates - 1)))
    }
  }

  package let points: [Point]
  /// Whether the loss grew so much that the test ended early.
  package let diverged: Bool

  /// - Parameters:
  ///   - configuration: of a run that would begin with `weights`; nothing is written.
  ///   - watch: told how many updates are done; false stops.
  /// - Throws: `Failure` where anything does not fit, or no image can be read.
  package init(
    _ configuration: RunConfiguration, weights: StateDict?, data: any ImageDataSet, range: Range,
    engine: Engine, watch: (Int) -> Bool
  ) throws {
    let parts = try Trainer.Parts(configuration, weights, engine)
    var recipe = configuration.recipe
    recipe.settle(for: parts.model)
    let epochs = EpochBatches(data, recipe, parts.preprocessing, engine)
    var (points, best, mean): ([Point], Double, Double) = ([], .infinity, 0)
    var (epoch, seen, diverged) = (0, 0, false)
    while points.count < range.updates, !diverged {
      let order = epochs.order(epoch)
      let loader = epochs.loader(order, epoch: epoch, first: 0)
      while points.count < range.updates, let batch = loader.next() {
        guard watch(points.count) else { throw Failure(.interrupted, "stopped") }
        guard batch.count > 0 else { continue }
        seen += 1
        let rate = range.rate(points.count)
        let random = RandomKey(seed: recipe.seed, purpose: .dropout, index: UInt64(points.count))
        let inputs = epochs.inputs(batch, order, epoch: epoch)
        let result: StepResult
        do { result = try parts.step.run(inputs, learningRate: rate, random: random) } catch let failure
          as Failure where failure.kind == .no
        {
          diverged = true
          break
        }
        mean = Self.decay * mean + (1 - Self.decay) * result.loss
        let smoothed = mean / (1 - pow(Self.decay, Double(points.count + 1)))
        points.append(Point(rate: rate, loss: result.loss, smoothed: smoothed))
        best = min(best, smoothed)
        if smoothed > 4 * best, points.count > 10 {
          diverged = true
          break
        }
      }
      guard seen > 0 else {
        throw Failure("none of the training images could be read", file: configuration.data)
      }
      epoch += 1
    }
    (self.points, self.diverged) = (points, diverged)
  }

  private static let decay = 0.9

  /// The rate at which the smoothed loss falls fastest over the logarithm of the rate; nil where it falls nowhere.
  package var steepest: Double? {
    // The first updates, at tiny rates, show noise; the last ones what is too much.
    let usable = Array(points.dropFirst(points.count / 10).prefix { $0.rate <= lowest?.rate ?? .infinity })
    guard usable.count > 4 else { return nil }
    var slopes: [(slope: Double, rate: Double)] = []
    for index in 2..<usable.count - 2 {
      let (before, after) = (usable[index - 2], usable[index + 2])
      slopes.append(
        ((after.smoothed - before.smoothed) / log(after.rate / before.rate), usable[index].rate))
    }
    guard let best = slopes.min(by: { $0.slope < $1.slope }), best.slope < 0 else { return nil }
    return best.rate
  }

  /// Where the smoothed loss is lowest.
  package var lowest: Point? { points.min { $0.smoothed < $1.smoothed } }

  /// A rate to train with: where the loss falls fastest, but no more than a tenth of where it is lowest, rounded to one
  /// digit.
  package var suggestion: Double? {
    guard let steepest, let lowest else { return nil }
    let rate = min(steepest, lowest.rate / 10)
    let power = pow(10, floor(log10(rate)))
    return (rate / power).rounded() * power
  }
}
