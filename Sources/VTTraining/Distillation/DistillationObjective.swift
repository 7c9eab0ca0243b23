import Foundation
import VTCore
import VTModels
import VTTensor

/// What a teacher's answers are for its student.
package enum DistillationMode: String, Sendable, CaseIterable {
  /// The class that the teacher gives is a second label.
  case hard
  /// Its probabilities are, at a temperature.
  case soft
}

/// Knowledge distillation: the network's answers are compared with a teacher's on the same augmented images. Soft: `T²` times
/// the divergence of the probabilities at temperature T (Hinton et al., 2015); hard: cross-entropy with the teacher's class
/// (Touvron et al., ICML 2021, equations 2 and 3). DeiT's published code divides the soft loss by the number of classes,
/// too; its paper, and this, do not.
struct DistillationObjective: Objective, @unchecked Sendable {
  let mode: DistillationMode
  /// Beside `1 - weight` for the labels.
  let weight: Double
  let temperature: Double
  /// In the run's own task, as all tensors are.
  let teacher: any VisionModel

  static let name = "distillation"
  var names: [String] { [Self.name] }

  func losses(_ output: ModelOutput, _ step: StepInputs, _ model: any VisionModel, _ tape: Tape)
    -> [WeightedLoss]
  {
    let engine = tape.engine
    let answers = teacher.forward(step.images, Tape(engine, recording: false)).logits
    let logits = output.logits
    switch mode {
    case .hard:
      let labels = predictedClasses(answers).map { Int32($0) }
      return [WeightedLoss(tape.crossEntropy(logits: logits, labels: engine.tensor(labels)), weight: weight)]
    case .soft:
      let (targets, entropy) = Self.probabilities(
        answers.values, classes: answers.channels, temperature: temperature)
      let crossEntropy = tape.crossEntropy(
        logits: tape.scaled(logits, by: Float(1 / temperature)),
        targets: engine.tensor(targets, logits.shape))
      let divergence = tape.add(
        crossEntropy, engine.tensor([Float(entropy)], [1]), factor: engine.tensor([-1], [1]))
      return [WeightedLoss(divergence, weight: weight * temperature * temperature)]
    }
  }

  /// The probabilities at a temperature, and the mean of their rows' entropies, in nats.
  static func probabilities(
    _ logits: [Float], classes: Int, temperature: Double
  ) -> (values: [Float], entropy: Double) {
    var values = [Float](repeating: 0, count: logits.count)
    var entropy = 0.0
    for row in stride(from: 0, to: logits.count, by: classes) {
      let softmax = Softmax(logits[row..<row + classes].map { Double($0) / temperature })
      for c in 0..<classes {
        values[row + c] = Float(softmax[c])
        entropy += softmax[c] * softmax.crossEntropy(c)
      }
    }
    return (values, entropy / Double(max(1, logits.count / classes)))
  }
}
