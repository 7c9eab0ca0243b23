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
    /// Updates that were made before it learned: it counts its own from there.
    let begin: Int
  }

  package let settings: OptimizerSettings
  /// Updates made so far.
  package private(set) var updates = 0
  private let optimizer: any Optimizer
  private let engine: Engine
  private let entries: [Entry]
  /// What differs from update to update, on the device.
  let scalars: StepScalars
  /// The learning rate times each factor that a parameter has.
  private let rates: [Double: Storage]
  /// The optimizer's own, by the update count at which parameters began to learn.
  private let numbers: [Int: Storage]

  /// - Parameters:
  ///   - parameters: the network's, and what learns beside them.
  ///   - rules: multiply the learning rate and the weight decay of each parameter.
  /// - Throws: `Failure` where the settings name no optimizer, or it refuses its numbers.
  package convenience init(
    _ parameters: Parameters, _ settings: OptimizerSettings, rules: [any UpdateRule] = [UsualDecay()],
    engine: Engine
  ) throws { try self.init([parameters], settings, rules: rules, engine: engine) }

  /// The same of several sets of parameters, all with names of their own.
  /// - Parameter begins: of parameters that learn later than others, how many updates were made before.
  package init(
    _ parameters: [Parameters], _ settings: OptimizerSettings, rules: [any UpdateRule] = [UsualDecay()],
    begins: [String: Int] = [:], engine: Engine
  ) throws {
    guard let type = Optimizers.named(settings.name) else {
      throw Failure(
        .usage, "there is no optimizer '\(settings.name.printable)'", hint: "there is \(Optimizers.list)")
    }
    self.settings = settings
    self.engine = engine
    optimizer = try type.init(settings)
    scalars = StepScalars(engine)
    entries = parameters.flatMap { parameters in
      parameters.all.filter(\.tensor.needsGradient).map { name, tensor in
        let declaration = parameters.declaration(name)
        return Entry(
          name: name, parameter: tensor, slots: type.slots.map { _ in engine.zeros(tensor.shape) },
          factors: declaration.map { UpdateFactors(of: $0, rules) } ?? UpdateFactors(),
          begin: begins[name] ?? 0)
      }
    }
    let count = optimizer.numbers(of: 1).count
    numbers = Dictionary(
      uniqueKeysWithValues: Set(entries.map(\.begin)).sorted().map { ($0, engine.storage(count)) })
    let factors = Set(entries.map(\.factors.learningRate))
    rates = Dictionary(uniqueKeysWithValues: factors.map { ($0, engine.storage(1)) })
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

  /// Finds the gradients' norm, and whether it and the loss are finite: `scalars` then hold what `step` needs.
  func measureGradients(loss: Tensor) {
    engine.backend.fill(scalars.sumOfSquares, with: 0)
    for entry in entries {
      guard let gradient = entry.parameter.gradient else { continue }
      engine.backend.addSumOfSquares(gradient, to: scalars.sumOfSquares)
    }
    engine.backend.finishGradientNorm(scalars, loss: loss.storage, clipNorm: settings.clipNorm)
  }

  /// Updates every parameter that has a gradient, unless the loss or a gradient is not finite.
  func step(learningRate: Double) {
    for (factor, storage) in rates { storage.write([Float(learningRate * factor)]) }
    for (begin, storage) in numbers {
      let own = optimizer.numbers(of: updates + 1 - begin)
      if !own.isEmpty { storage.write(own) }
    }
    for entry in entries {
      guard let gradient = entry.parameter.gradient, let rate = rates[entry.factors.learningRate],
        let numbers = numbers[entry.begin]
      else { continue }
      let step = OptimizerStep(
        weightDecay: settings.weightDecay * entry.factors.weightDecay,
        scalars: scalars.with(learningRate: rate),
        numbers: numbers)
      optimizer.update(entry.parameter, gradient: gradient, slots: entry.slots, step, engine)
    }
  }

  /// What became of the last `step`, once the device has done it: the gradients' norm, or nil where the loss or a gradient
  /// was not finite and nothing was updated.
  func finishStep() -> Double? {
    guard scalars.isFinite.values[0] != 0 else { return nil }
    updates += 1
    return scalars.gradientNorm.doubles[0]
  }

  // MARK: Checkpoints

  /// Of the names of all its tensors.
  static let prefix = "optimizer."

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

  /// - Parameters:
  ///   - owner: the optimizer whose state it is; nil in files of versions that had AdamW alone.
  ///   - new: parameters that begin to learn now, of which it has no state.
  /// - Throws: `Failure` where the state is another optimizer's, or a slot is missing, misshapen or holds what no training
  ///   leaves.
  package func restore(_ store: StateDict, of owner: String?, updates: Int, without new: Set<String> = [])
    throws
  {
    guard (owner ?? AdamW.name) == name else {
      throw Failure(
        "the checkpoint has the state of the optimizer '\(owner ?? AdamW.name)', and the recipe's is '\(name)'",
        hint: "a run goes on with the optimizer that it was begun with; start a new run to change it")
    }
    for entry in entries where !new.contains(entry.name) {
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
        tensor.write(values)
      }
    }
    self.updates = updates
  }
}
