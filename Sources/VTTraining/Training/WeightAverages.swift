import VTCheckpoint
import VTCore
import VTModels
import VTTensor

/// An exponential moving average (EMA) of the weights, running statistics included: after each update
/// `average = decay · average + (1 - decay) · weight` (Polyak and Juditsky, 1992; timm's `ModelEma`). It is what is
/// evaluated, kept as the best, and exported.
package final class WeightAverages {
  private struct Entry {
    let name: String
    let weight: Tensor
    let average: Tensor
  }

  private let decay: Double
  private let warmsUp: Bool
  private let engine: Engine
  private let entries: [Entry]
  private let factors: (keep: Storage, take: Storage)

  /// Averages that are the weights as they are.
  /// - Parameters:
  ///   - warmsUp: whether early updates count for more: the decay is at most `(1 + t) / (10 + t)`.
  init(_ parameters: [Parameters], decay: Double, warmsUp: Bool, engine: Engine) {
    (self.decay, self.warmsUp, self.engine) = (decay, warmsUp, engine)
    factors = (engine.storage(1), engine.storage(1))
    entries = parameters.flatMap { parameters in
      parameters.all.filter { name, tensor in
        tensor.needsGradient || parameters.declaration(name)?.isRunningStatistic == true
      }.map { name, tensor in
        Entry(name: name, weight: tensor, average: engine.tensor(tensor.values, tensor.shape))
      }
    }
  }

  /// Follows the weights after an update.
  /// - Parameter count: updates so far, this one included.
  func update(after count: Int) {
    let decay = warmsUp ? min(decay, Double(1 + count) / Double(10 + count)) : decay
    factors.keep.write([Float(decay)])
    factors.take.write([Float(1 - decay)])
    for entry in entries {
      engine.backend.scale(entry.average.storage, by: factors.keep)
      engine.backend.add(
        entry.average.storage, entry.average.storage, entry.weight.storage, factor: factors.take)
    }
  }

  /// Does something with a network whose weights are the averages, and the averages here the weights.
  func exchanged<Result>(_ body: () throws -> Result) rethrows -> Result {
    exchange()
    defer { exchange() }
    return try body()
  }

  private func exchange() {
    for entry in entries {
      let weight = entry.weight.values
      entry.weight.write(entry.average.values)
      entry.average.write(weight)
    }
  }

  // MARK: Checkpoints

  /// What is being trained, where a checkpoint's own weights are the averages. The prefix is the optimizer's, which readers
  /// of weights leave out.
  private static func tensorName(_ parameter: String) -> String {
    OptimizerState.prefix + "trained." + parameter
  }

  /// The weights that are being trained, within `exchanged`.
  func tensors() -> [StoredTensor] {
    entries.map {
      StoredTensor(name: Self.tensorName($0.name), shape: $0.average.shape, values: $0.average.values)
    }
  }

  /// Gives the network the weights that are being trained; the averages are what it had.
  /// - Parameter new: parameters that did not learn yet, whose weights are the averages.
  /// - Throws: `Failure` where one is missing, misshapen or not finite.
  func restore(_ store: StateDict, without new: Set<String> = []) throws {
    for entry in entries where !new.contains(entry.name) {
      let name = Self.tensorName(entry.name)
      guard let stored = store[name], stored.shape == entry.weight.shape else {
        throw Failure("the weights that are being trained are missing beside their averages", tensor: name)
      }
      let values = try stored.floats()
      guard values.allSatisfy(\.isFinite) else {
        throw Failure(
          "the checkpoint holds numbers that are not finite", tensor: name, hint: "start a new run")
      }
      entry.weight.write(values)
    }
  }
}
