import VTTensor

/// A rule by which a parameter follows its gradient, on the device. A new one is a file beside this one and an entry in
/// `Optimizers.all`: recipe keys, state in checkpoints and the update of every parameter follow from what it declares.
/// Programs write a `HostOptimizer` instead.
package protocol Optimizer: Sendable {
  /// In recipes.
  static var name: String { get }
  /// What it keeps for each parameter, zeros at first.
  static var slots: [OptimizerSlot] { get }
  /// Its own numbers, beside the learning rate and the weight decay that all have.
  static var numbers: [OptimizerNumber] { get }
  static var usualWeightDecay: Double { get }

  init(_ settings: OptimizerSettings) throws

  /// Its numbers that differ from update to update, always as many; the device has them as `OptimizerStep.numbers`.
  /// - Parameter update: from 1.
  func numbers(of update: Int) -> [Float]

  /// Updates one parameter in place.
  /// - Parameters:
  ///   - gradient: as large as the parameter.
  ///   - slots: in the order of `slots`, each of the parameter's shape.
  func update(
    _ parameter: Tensor, gradient: Storage, slots: [Tensor], _ step: OptimizerStep, _ engine: Engine)
}

/// Numbers that an optimizer keeps for each parameter.
package struct OptimizerSlot: Sendable {
  /// `exp_avg`: checkpoints have it as `optimizer.exp_avg.<parameter>`.
  package let name: String
  /// Whether numbers below 0 are damage.
  package var isNonNegative = false

  func tensorName(_ parameter: String) -> String { OptimizerState.prefix + "\(name).\(parameter)" }
}

/// A number that is an optimizer's own.
package struct OptimizerNumber: Sendable {
  package let name: String
  package let usual: Double
  /// The option of `vtkit finetune` that gives it.
  package var option: String?
  /// The version of recipes that brought it.
  package var since = 1
  package let limit: @Sendable (Double) -> String?
  /// One sentence.
  package let meaning: String
}

extension Optimizer {
  package func numbers(of update: Int) -> [Float] { [] }
}

/// What one update of one parameter is made with.
package struct OptimizerStep {
  /// 0 for what does not decay; the same in every update.
  package let weightDecay: Double
  /// The learning rate, what clipping multiplies the gradient by, and whether the update takes place, on the device.
  package let scalars: StepScalars
  /// What `numbers(of:)` gave, on the device.
  package let numbers: Storage
}
