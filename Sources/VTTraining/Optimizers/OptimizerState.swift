import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// An optimizer at work: over a network's parameters, with what it keeps for each.
package final class OptimizerState {
  private struct Entry {
    let name: String
    let parameter: Tensor
    /// In the order of the optimizer's slots.
    let slots: [Tensor]
    let factors: UpdateFactors
  }

  package let settings: OptimizerSettings
  /// Updates made so far.
  package private(set) var updates = 0
  private let optimizer: any Optimizer
  private let engine: Engine
  private let entries: [Entry]

  /// - Parameter rules: multiply the learning rate and the weight decay of each parameter.
  /// - Throws: `Failure` where the settings name no optimizer.
  package init(
    _ parameters: Parameters, _ settings: OptimizerSettings, rules: [any UpdateRule] = [UsualDecay()],
    engine: Engine
  ) throws {
    guard let type = Optimizers.all.first(where: { $0.name == settings.name }) else {
      throw Failure(
        .usage, "there is no optimizer '\(settings.name.printable)'", hint: "there is \(Optimizers.list)")
    }
    self.settings = settings
    self.engine = engine
    optimizer = type.init(settings)
    entries = parameters.all.filter(\.tensor.needsGradient).map { name, tensor in
      let declaration = parameters.declaration(name)
      return Entry(
        name: name, parameter: tensor, slots: type.slots.map { _ in engine.zeros(tensor.shape) },
        factors: declaration.map { UpdateFactors(of: $0, rules) } ?? UpdateFactors())
    }
  }

  /// The optimizer, for people and profiles.
  package var name: String { settings.name }

  private var slots: [OptimizerSlot] { type(of: optimizer).slots }

  /// Bytes of all gradients that an update reads.
  var gradientBytes: Int {
    entries.reduce(0) { $0 + ($1.parameter.gradient?.count ?? 0) * MemoryLayout<Float>.stride }
  }

  /// Bytes that an update reads and writes: parameter and slots both, the gradient read.
  var updateBytes: Int { (3 + 2 * slots.count) * gradientBytes }

  /// The norm of all gradients together.
  package func gradientNorm() -> Double {
    entries.reduce(0.0) { sum, entry in
      sum + (entry.parameter.gradient.map { engine.backend.sumOfSquares($0) } ?? 0)
    }.squareRoot()
  }

  /// Updates every parameter that has a gradient.
  /// - Parameter gradientNorm: what `gradientNorm()` gave, for clipping.
  package func step(learningRate: Double, gradientNorm: Double) {
    updates += 1
    let scale = settings.clipNorm.map { min(1, $0 / (gradientNorm + 1e-6)) } ?? 1
    for entry in entries {
      guard let gradient = entry.parameter.gradient else { continue }
      let step = OptimizerStep(
        update: updates, learningRate: learningRate * entry.factors.learningRate,
        weightDecay: settings.weightDecay * entry.factors.weightDecay, gradientScale: scale)
      optimizer.update(entry.parameter, gradient: gradient, slots: entry.slots, step, engine)
    }
  }

  // MARK: Checkpoints

  private static let prefix = "optimizer."

  /// Whether a stored tensor belongs to an optimizer.
  package static func owns(_ name: String) -> Bool { name.hasPrefix(prefix) }

  /// The slots, named after the parameters.
  package func tensors() -> [StoredTensor] {
    entries.flatMap { entry in
      zip(slots, entry.slots).map { slot, tensor in
        StoredTensor(name: slot.tensorName(entry.name), shape: tensor.shape, values: tensor.values)
      }
    }
  }

  /// - Parameter owner: the optimizer whose state it is; nil in files of versions that had AdamW alone.
  /// - Throws: `Failure` where the state is another optimizer's, or a slot is missing, misshapen or holds what no training
  ///   leaves.
  package func restore(_ store: StateDict, of owner: String?, updates: Int) throws {
    guard (owner ?? AdamW.name) == name else {
      throw Failure(
        "the checkpoint has the state of the optimizer '\(owner ?? AdamW.name)', and the recipe's is '\(name)'",
        hint: "a run goes on with the optimizer that it was begun with; start a new run to change it")
    }
    for entry in entries {
      for (slot, tensor) in zip(slots, entry.slots) {
        let name = slot.tensorName(entry.name)
        guard let stored = store[name], stored.shape == tensor.shape else {
          throw Failure("the optimizer's state is missing", tensor: name)
        }
        let values = try stored.floats()
        let least: Float = slot.isNonNegative ? 0 : -.greatestFiniteMagnitude
        if let wrong = values.first(where: { !($0 >= least && $0.isFinite) }) {
          throw Failure(
            "the optimizer's state holds \(wrong), which no training leaves there", tensor: name,
            hint: "start a new run")
        }
        tensor.storage.floats.update(from: values, count: values.count)
      }
    }
    self.updates = updates
  }
}
