import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// What one update found.
public struct StepResult: Sendable, Equatable {
  /// What was minimized: the mean over the batch.
  public var loss: Double
  package var crossEntropy: Double
  /// Not multiplied by λ; nil without drloc.
  package var drloc: Double?
  package var gradientNorm: Double
  package var learningRate: Double
  package var correct: Int
  package var count: Int
}

/// One forward and backward pass and one update: the heart of training, without data or files.
package final class TrainingStep {
  package let model: any VisionModel
  package let optimizer: OptimizerState
  private let engine: Engine
  private let recomputes: Bool

  /// - Parameter recomputes: whether blocks' inner results are computed twice rather than kept.
  package init(
    model: any VisionModel, optimizer: OptimizerState, engine: Engine, recomputes: Bool = false
  ) {
    self.model = model
    self.optimizer = optimizer
    self.engine = engine
    self.recomputes = recomputes
  }

  /// The drloc loss to add: which definition, with which weight, over which pairs of each scale.
  package struct Drloc {
    package var options: DrlocOptions
    package var weight: Double
    package var pairs: [GridPairs]

    package init(options: DrlocOptions, weight: Double, pairs: [GridPairs]) {
      self.options = options
      self.weight = weight
      self.pairs = pairs
    }
  }

  /// - Parameters:
  ///   - images: `[batch, size, size, channels]`, normalized.
  ///   - labels: `[batch]`.
  ///   - random: decides dropout and drop path.
  /// - Throws: `Failure` where the loss or its gradient is not finite; nothing is then updated.
  package func run(
    images: Tensor, labels: [Int32], labelSmoothing: Double, drloc: Drloc?, learningRate: Double,
    random: RandomKey
  ) throws -> StepResult {
    var result = gradients(
      images: images, labels: labels, labelSmoothing: labelSmoothing, drloc: drloc, random: random)
    result.gradientNorm = engine.profiled("gradient norm", bytes: optimizer.gradientBytes) {
      optimizer.gradientNorm()
    }
    result.learningRate = learningRate
    guard result.loss.isFinite, result.gradientNorm.isFinite else {
      throw Self.diverged("the loss or its gradient", update: optimizer.updates)
    }
    engine.profiled(optimizer.name, bytes: optimizer.updateBytes) {
      optimizer.step(learningRate: learningRate, gradientNorm: result.gradientNorm)
    }
    model.parameters.clearGradients()
    return result
  }

  /// Training that ran away.
  static func diverged(_ what: String, update: Int, file: String? = nil) -> Failure {
    Failure(
      .no, "\(what) is no longer a number at update \(update)", file: file,
      hint: "try a lower --learning-rate or a longer --warmup-epochs")
  }

  /// The passes alone: leaves each parameter's gradient in place.
  func gradients(
    images: Tensor, labels: [Int32], labelSmoothing: Double, drloc: Drloc?, random: RandomKey
  ) -> StepResult {
    let tape = Tape(
      engine, recording: true, training: true, random: random, recomputes: recomputes)
    let output = model.forward(images, tape)
    let crossEntropy = tape.crossEntropy(
      logits: output.logits, labels: labels, smoothing: Float(labelSmoothing))
    var loss = crossEntropy
    var localization: Tensor?
    if let drloc {
      let term = localizationLoss(output, drloc, tape)
      localization = term
      loss = tape.add(crossEntropy, term, scale: Float(drloc.weight))
    }
    tape.backward(from: loss)
    let predictions = predictedClasses(output.logits)
    return StepResult(
      loss: Double(loss.values[0]), crossEntropy: Double(crossEntropy.values[0]),
      drloc: localization.map { Double($0.values[0]) }, gradientNorm: 0, learningRate: 0,
      correct: zip(predictions, labels).count { $0 == Int($1) }, count: labels.count)
  }
}

extension TrainingStep {
  /// The sum over the scales, as in the reference code.
  private func localizationLoss(
    _ output: ModelOutput, _ drloc: Drloc, _ tape: Tape
  ) -> Tensor {
    let grids = drloc.options.isMultiscale ? output.grids : [output.finalGrid]
    let terms = zip(grids, drloc.pairs).enumerated().map { scale, part in
      DrlocHead.loss(
        part.0, part.1, drloc.options, scale: scale, parameters: model.parameters, tape)
    }
    return terms.dropFirst().reduce(terms[0]) { tape.add($0, $1) }
  }
}

/// The class of the largest logit of each row; the first of equals.
package func predictedClasses(_ logits: Tensor) -> [Int] {
  let classes = logits.channels
  let values = logits.values
  return (0..<logits.rows).map { row in
    var best = 0
    for c in 1..<max(1, classes) where values[row * classes + c] > values[row * classes + best] {
      best = c
    }
    return best
  }
}
