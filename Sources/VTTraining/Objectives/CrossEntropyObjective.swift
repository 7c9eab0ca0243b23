import VTModels
import VTTensor

/// How the network's answers are compared with the classes.
package enum ClassificationLoss: String, Sendable, CaseIterable {
  /// Softmax: the classes compete.
  case crossEntropy = "cross-entropy"
  /// A sigmoid a class: each is answered by itself.
  case binaryCrossEntropy = "bce"
}

/// Cross-entropy of the logits with the labels, or with class probabilities where batch transforms made some.
package struct CrossEntropyObjective: Objective {
  package var kind: ClassificationLoss
  /// How much of each label is spread over all classes, 0 to 1.
  package var smoothing: Double
  package var weight = 1.0

  package init(_ kind: ClassificationLoss = .crossEntropy, smoothing: Double = 0, weight: Double = 1) {
    (self.kind, self.smoothing, self.weight) = (kind, smoothing, weight)
  }

  package var names: [String] { [kind == .crossEntropy ? "cross_entropy" : "binary_cross_entropy"] }

  package func losses(
    _ output: ModelOutput, _ step: StepInputs, _ model: any VisionModel, _ tape: Tape
  ) -> [WeightedLoss] {
    let logits = output.logits
    let engine = tape.engine
    if kind == .binaryCrossEntropy {
      let targets = engine.tensor(probabilities(step, classes: logits.channels), logits.shape)
      return [WeightedLoss(tape.binaryCrossEntropy(logits: logits, targets: targets), weight: weight)]
    }
    guard step.targets != nil || step.weights != nil else {
      return [
        WeightedLoss(
          tape.crossEntropy(
            logits: logits, labels: engine.tensor(step.labels), smoothing: Float(smoothing)), weight: weight)
      ]
    }
    var targets = probabilities(step, classes: logits.channels)
    if let weights = step.weights { Self.scale(&targets, by: weights, classes: logits.channels) }
    return [
      WeightedLoss(
        tape.crossEntropy(logits: logits, targets: engine.tensor(targets, logits.shape)), weight: weight)
    ]
  }

  /// `[batch, classes]`, smoothed.
  private func probabilities(_ step: StepInputs, classes: Int) -> [Float] {
    var result = step.targets ?? [Float](repeating: 0, count: step.labels.count * classes)
    if step.targets == nil {
      for (row, label) in step.labels.enumerated() { result[row * classes + Int(label)] = 1 }
    }
    let (keep, spread) = (Float(1 - smoothing), Float(smoothing / Double(classes)))
    if smoothing > 0 { for i in result.indices { result[i] = result[i] * keep + spread } }
    return result
  }

  /// Each row by its weight, divided by their mean, as in PyTorch's weighted cross-entropy.
  private static func scale(_ targets: inout [Float], by weights: [Float], classes: Int) {
    let mean = weights.reduce(0, +) / Float(weights.count)
    for (row, weight) in weights.enumerated() {
      for c in 0..<classes { targets[row * classes + c] *= weight / mean }
    }
  }
}
