import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// What one update found.
public struct StepResult: Sendable, Equatable {
  /// What was minimized: the mean over the batch.
  public var loss: Double { losses["loss"] ?? 0 }
  /// `loss`, then its parts by the objectives' names, not multiplied by their weights.
  package var losses = Metrics()
  package var gradientNorm: Double
  package var learningRate: Double
  package var correct: Int
  package var count: Int
}

/// One forward and backward pass and one update: the heart of training, without data or files.
package final class TrainingStep {
  package let model: any VisionModel
  package let objectives: [any Objective]
  package let optimizer: OptimizerState
  private let engine: Engine
  private let recomputes: Bool
  private let adapters: LowRankAdapters?

  /// - Parameters:
  ///   - objectives: their losses are added, each times its weight.
  ///   - recomputes: whether blocks' inner results are computed twice rather than kept.
  ///   - adapters: what learns in place of weights.
  package init(
    model: any VisionModel, objectives: [any Objective], optimizer: OptimizerState, engine: Engine,
    recomputes: Bool = false, adapters: LowRankAdapters? = nil
  ) {
    self.adapters = adapters
    self.model = model
    self.objectives = objectives
    self.optimizer = optimizer
    self.engine = engine
    self.recomputes = recomputes
  }

  /// One update from one batch, or from several, whose losses are averaged over all their images.
  /// - Parameter random: decides dropout and drop path.
  /// - Throws: `Failure` where the loss or its gradient is not finite; nothing is then updated.
  package func run(_ batches: [StepInputs], learningRate: Double, random: RandomKey) throws -> StepResult {
    let count = batches.reduce(0) { $0 + $1.labels.count }
    let passes = batches.enumerated().map { place, batch in
      gradients(
        batch, random: place == 0 ? random : random.derived(place),
        share: batches.count == 1 ? nil : Double(batch.labels.count) / Double(count))
    }
    let loss = sum(passes.map(\.loss))
    engine.profiled("gradient norm", bytes: optimizer.gradientBytes) {
      optimizer.measureGradients(loss: loss)
    }
    engine.profiled(optimizer.name, bytes: optimizer.updateBytes) {
      optimizer.step(learningRate: learningRate)
    }
    // From here on, results are read: a device that works apart from the host is waited for once a step.
    guard let norm = optimizer.finishStep() else {
      throw Self.diverged("the loss or its gradient", update: optimizer.updates)
    }
    model.parameters.clearGradients()
    adapters?.parameters.clearGradients()
    var losses = Metrics()
    losses["loss"] = Double(loss.values[0])
    for (pass, batch) in zip(passes, batches) {
      losses.add(pass.losses, times: batches.count == 1 ? 1 : Double(batch.labels.count) / Double(count))
    }
    let correct = zip(passes, batches).reduce(0) { sum, part in
      sum + zip(predictedClasses(part.0.logits), part.1.labels).count { $0 == Int($1) }
    }
    return StepResult(
      losses: losses, gradientNorm: norm, learningRate: learningRate, correct: correct, count: count)
  }

  /// One update from one batch.
  package func run(_ inputs: StepInputs, learningRate: Double, random: RandomKey) throws -> StepResult {
    try run([inputs], learningRate: learningRate, random: random)
  }

  /// - Parameter losses: `[1]` each, one at least.
  private func sum(_ losses: [Tensor]) -> Tensor {
    let tape = Tape(engine, recording: false)
    return losses.dropFirst().reduce(losses[0]) { tape.add($0, $1) }
  }

  /// Training that ran away.
  static func diverged(_ what: String, update: Int, file: String? = nil) -> Failure {
    Failure(
      .no, "\(what) is no longer a number at update \(update)", file: file,
      hint: "try a lower --learning-rate or a longer --warmup-epochs")
  }

  /// What the passes leave on the device beside the gradients.
  struct Pass {
    /// What was minimized, times the batch's share of the update.
    let loss: Tensor
    /// By the objectives' names.
    let parts: [(name: String, value: Tensor)]
    let logits: Tensor

    /// The parts, copied to the host.
    var losses: Metrics {
      var losses = Metrics()
      for part in parts { losses[part.name] = Double(part.value.values[0]) }
      return losses
    }
  }

  /// Shows an analysis what a step does.
  /// - Precondition: the engine only measures.
  func analyze(_ inputs: StepInputs, _ analysis: PrefixAnalysis) {
    var inputs = inputs
    inputs.prefix = .analyzed(analysis)
    _ = gradients(inputs, random: RandomKey(seed: 0, purpose: .dropout))
  }

  /// Runs the constant prefix of a step alone.
  /// - Parameter images: `[count, size, size, channels]`, normalized.
  func runPrefix(_ images: Tensor, _ pass: PrefixPass) {
    let tape = Tape(engine, recording: false, training: true, prefix: pass)
    model.parameters.replacing(adapters?.sums(tape) ?? [:]) { _ = model.forward(images, tape) }
  }

  /// The passes alone: leaves each parameter's gradient in place, added to what was there.
  /// - Parameter share: what the gradient is multiplied by; nil by nothing.
  func gradients(_ inputs: StepInputs, random: RandomKey, share: Double? = nil) -> Pass {
    let tape = Tape(
      engine, recording: true, training: true, random: random,
      memory: recomputes ? .recomputeBlocks : .balanced, prefix: inputs.prefix)
    // Until the end of the backward pass: it may compute blocks again.
    return model.parameters.replacing(adapters?.sums(tape) ?? [:]) {
      let output = model.forward(inputs.images, tape)
      let parts = objectives.flatMap { objective in
        zip(objective.names, objective.losses(output, inputs, model, tape))
      }
      let first = parts[0].1
      let begin = first.weight == 1 ? first.value : tape.scaled(first.value, by: Float(first.weight))
      var loss = parts.dropFirst().reduce(begin) { sum, part in
        tape.add(sum, part.1.value, factor: engine.tensor([Float(part.1.weight)], [1]))
      }
      if let share { loss = tape.add(engine.zeros([1]), loss, factor: engine.tensor([Float(share)], [1])) }
      tape.backward(from: loss)
      return Pass(loss: loss, parts: parts.map { ($0.0, $0.1.value) }, logits: output.logits)
    }
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
