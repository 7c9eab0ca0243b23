import VTData
import VTModels
import VTTensor

/// What training minimizes: losses of a network's output, each with a name, under which log, TensorBoard, console and
/// report show it. A new one is a file beside this one and an entry in `Recipe.objectives`.
package protocol Objective: Sendable {
  /// The names of its losses, in the order of `losses`.
  var names: [String] { get }

  /// Parameters that it trains beside the network's own, such as a head's.
  /// - Throws: `Failure` where the network has not what the objective needs.
  func parameterDeclarations(_ model: any VisionModel) throws -> [ParameterDeclaration]

  /// What each loss is for an answer that never looks at the image: one that stays there learns nothing. Losses of which
  /// this says nothing are left out.
  func constantLosses(_ model: any VisionModel) -> Metrics

  /// The losses of one step, and how much each counts.
  func losses(
    _ output: ModelOutput, _ step: StepInputs, _ model: any VisionModel, _ tape: Tape
  ) -> [WeightedLoss]
}

extension Objective {
  package func parameterDeclarations(_ model: any VisionModel) -> [ParameterDeclaration] { [] }
  package func constantLosses(_ model: any VisionModel) -> Metrics { Metrics() }
}

/// A part of what is minimized.
package struct WeightedLoss {
  /// One number, not multiplied by the weight.
  package let value: Tensor
  package let weight: Double

  package init(_ value: Tensor, weight: Double = 1) { (self.value, self.weight) = (value, weight) }
}

/// What a step learns from.
package struct StepInputs {
  /// `[batch, size, size, channels]`, normalized.
  package var images: Tensor
  /// `[batch]`.
  package var labels: [Int32]
  /// Class probabilities `[batch, classes]` where batch transforms changed them.
  package var targets: [Float]?
  /// How much each image counts, `[batch]`; nil where all count the same.
  package var weights: [Float]?
  /// One an image: names its random numbers.
  package var keys: [SampleKey]
  /// The epoch, from 0, of how many.
  package var epoch: Int
  package var epochs: Int
  /// What is known of the images' pass: nothing may read `images` where its prefix is given.
  package var prefix: PrefixPass?

  package init(
    images: Tensor, labels: [Int32], targets: [Float]? = nil, weights: [Float]? = nil, keys: [SampleKey],
    epoch: Int = 0, epochs: Int = 1
  ) {
    (self.images, self.labels, self.targets, self.keys) = (images, labels, targets, keys)
    self.weights = weights
    (self.epoch, self.epochs) = (epoch, epochs)
  }
}
