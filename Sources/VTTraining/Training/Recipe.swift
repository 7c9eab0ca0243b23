import Foundation
import VTData

/// Everything that decides a training run besides the data and the starting weights.
package struct Recipe: Sendable, Equatable {
  package var epochs = 20
  package var batchSize = 32
  /// Rate after the warm-up.
  package var learningRate = 2e-4
  /// Rate at the end of a cosine.
  package var minimumLearningRate = 1e-6
  /// Rate at the start of the warm-up.
  package var warmupLearningRate = 1e-6
  package var warmupEpochs = 2.0
  package var schedule = LearningRateSchedule.Shape.cosine
  package var optimizer = AdamW.Options()
  package var labelSmoothing = 0.1
  package var dropPath = 0.0
  package var dropout = 0.0
  /// nil trains with cross-entropy alone.
  package var drloc: DrlocOptions? = DrlocOptions()
  package var cropScale = [0.35, 1.0]
  package var flipProbability = 0.5
  package var seed: UInt64 = 0
  package var validationFraction = 0.2
  /// Whether an unreadable image ends the run.
  package var strictData = false
  /// Whether batch norms keep their running statistics: for batches of a few images.
  package var freezesBatchNorm = false
  /// Whether blocks are computed twice rather than kept: less memory, more time, the same bits.
  package var recomputes = false
  /// Whether only the new head (and the drloc head) learns.
  package var headOnly = false

  package init() {}

  var augmentation: Augmentation {
    Augmentation(cropScale: cropScale[0]...cropScale[1], flipProbability: flipProbability)
  }

  func rateSchedule(updatesPerEpoch: Int) -> LearningRateSchedule {
    LearningRateSchedule(
      shape: schedule, base: learningRate, warmup: warmupLearningRate,
      minimum: minimumLearningRate, warmupUpdates: Int(warmupEpochs * Double(updatesPerEpoch)),
      totalUpdates: epochs * updatesPerEpoch, decayUpdates: updatesPerEpoch * max(1, epochs / 3))
  }

  /// Drloc's usual weight: 0.5 for Swin, 0.1 for the others (the paper's section 5).
  package static func defaultDrlocWeight(architecture: String) -> Double {
    architecture == "swin" ? 0.5 : 0.1
  }
}
