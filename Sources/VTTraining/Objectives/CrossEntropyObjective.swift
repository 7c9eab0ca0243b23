import VTModels
import VTTensor

/// Cross-entropy of the logits, with label smoothing.
package struct CrossEntropyObjective: Objective {
  package let names = ["cross_entropy"]
  package var smoothing: Double

  package init(smoothing: Double = 0) { self.smoothing = smoothing }

  package func losses(
    _ output: ModelOutput, _ step: StepInputs, _ model: any VisionModel, _ tape: Tape
  ) -> [WeightedLoss] {
    [
      WeightedLoss(
        tape.crossEntropy(
          logits: output.logits, labels: tape.engine.tensor(step.labels), smoothing: Float(smoothing)))
    ]
  }
}
