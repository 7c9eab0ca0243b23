import Foundation
import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// AdamW (Loshchilov and Hutter, ICLR 2019) over a network's parameters. Decay skips what has one
/// axis and what is named `.bias`, as the method's reference code does, and what the architecture exempts.
package final class AdamW {
  package struct Options: Sendable, Equatable {
    package var weightDecay: Double
    package var beta1: Double
    package var beta2: Double
    package var eps: Double
    /// Gradients whose norm over all parameters exceeds this are scaled down to it; nil never.
    package var clipNorm: Double?

    package init(
      weightDecay: Double = 0.05, beta1: Double = 0.9, beta2: Double = 0.999, eps: Double = 1e-8,
      clipNorm: Double? = 5
    ) {
      self.weightDecay = weightDecay
      self.beta1 = beta1
      self.beta2 = beta2
      self.eps = eps
      self.clipNorm = clipNorm
    }
  }

  private struct Slot {
    let name: String
    let parameter: Tensor
    let first: Tensor
    let second: Tensor
    let decays: Bool
  }

  package let options: Options
  /// Updates made so far.
  package private(set) var updates = 0
  private let engine: Engine
  private let slots: [Slot]

  package init(_ parameters: Parameters, options: Options, engine: Engine) {
    self.options = options
    self.engine = engine
    slots = parameters.all.filter(\.tensor.needsGradient).map { name, tensor in
      Slot(
        name: name, parameter: tensor, first: engine.zeros(tensor.shape),
        second: engine.zeros(tensor.shape), decays: parameters.declaration(name)?.decays ?? true)
    }
  }

  /// Bytes of all gradients that an update reads.
  var gradientBytes: Int {
    slots.reduce(0) { $0 + ($1.parameter.gradient?.count ?? 0) * MemoryLayout<Float>.stride }
  }

  /// The norm of all gradients together.
  package func gradientNorm() -> Double {
    slots.reduce(0.0) { sum, slot in
      sum + (slot.parameter.gradient.map { engine.backend.sumOfSquares($0) } ?? 0)
    }.squareRoot()
  }

  /// Updates every parameter that has a gradient.
  /// - Parameter gradientNorm: what `gradientNorm()` gave, for clipping.
  package func step(learningRate: Double, gradientNorm: Double) {
    updates += 1
    let scale = options.clipNorm.map { min(1, $0 / (gradientNorm + 1e-6)) } ?? 1
    let t = Double(updates)
    for slot in slots {
      guard let gradient = slot.parameter.gradient else { continue }
      engine.backend.adamW(
        parameter: slot.parameter.storage, firstMoment: slot.first.storage,
        secondMoment: slot.second.storage, gradient: gradient,
        step: AdamWStep(
          learningRate: Float(learningRate),
          weightDecay: slot.decays ? Float(options.weightDecay) : 0, beta1: Float(options.beta1),
          beta2: Float(options.beta2), eps: Float(options.eps),
          correction1: Float(1 - pow(options.beta1, t)),
          correction2: Float(1 - pow(options.beta2, t)), gradientScale: Float(scale)))
    }
  }

  // MARK: State

  private static let firstPrefix = "optimizer.exp_avg."
  private static let secondPrefix = "optimizer.exp_avg_sq."

  /// Whether a stored tensor belongs to an optimizer.
  package static func owns(_ name: String) -> Bool { name.hasPrefix("optimizer.") }

  /// The moments, named after their parameters.
  package func state() -> [StoredTensor] {
    slots.flatMap { slot in
      [(Self.firstPrefix, slot.first), (Self.secondPrefix, slot.second)].map { prefix, tensor in
        StoredTensor(name: prefix + slot.name, shape: tensor.shape, values: tensor.values)
      }
    }
  }

  /// - Throws: `Failure` where a moment is missing, misshapen or one that no training leaves.
  package func restore(_ store: StateDict, updates: Int) throws {
    for slot in slots {
      for (prefix, tensor) in [(Self.firstPrefix, slot.first), (Self.secondPrefix, slot.second)] {
        guard let stored = store[prefix + slot.name], stored.shape == tensor.shape else {
          throw Failure("the optimizer's state is missing", tensor: prefix + slot.name)
        }
        let values = try stored.floats()
        // The second moment is a mean of squares.
        let least: Float = prefix == Self.secondPrefix ? 0 : -.greatestFiniteMagnitude
        if let wrong = values.first(where: { !($0 >= least && $0.isFinite) }) {
          throw Failure(
            "the optimizer's state holds \(wrong), which no training leaves there",
            tensor: prefix + slot.name,
            hint: "start a new run")
        }
        tensor.storage.floats.update(from: values, count: values.count)
      }
    }
    self.updates = updates
  }
}
