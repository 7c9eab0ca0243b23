import VTTensor

/// An optimizer of your own: a rule, on plain arrays, by which the weights of a parameter follow their gradient.
/// `register` makes it known, and a recipe then names it.
///
/// ```swift
/// struct SignDescent: HostOptimizer {
///   static let name = "sign-descent"
///   static let slots = ["momentum"]
///   static let numbers = ["beta": 0.9]
///   static let usualWeightDecay = 0.1
///   let beta: Float
///
///   init(_ settings: OptimizerSettings) { beta = Float(settings["beta"]) }
///
///   func update(
///     _ weights: inout [Float], gradient: [Float], slots: inout [[Float]], learningRate: Float,
///     weightDecay: Float, count: Int
///   ) {
///     for i in weights.indices {
///       slots[0][i] = beta * slots[0][i] + (1 - beta) * gradient[i]
///       let sign: Float = slots[0][i] > 0 ? 1 : slots[0][i] < 0 ? -1 : 0
///       weights[i] -= learningRate * (sign + weightDecay * weights[i])
///     }
///   }
/// }
/// ```
///
/// Checkpoints keep what the slots hold, so a run that was stopped goes on to the same bits, in a program that has added
/// the optimizer. The same input must give the same bits: draw no random numbers, and keep nothing but the slots.
public protocol HostOptimizer: Sendable {
  /// Its name in recipes.
  static var name: String { get }
  /// The names of the arrays that it keeps for each parameter, each as long as the parameter and zeros at first. Checkpoints
  /// have them as `optimizer.<slot>.<parameter>`.
  static var slots: [String] { get }
  /// Its own numbers with their usual values, which recipes may change (`optimizer.<number>`); the learning rate, the weight
  /// decay and the largest norm of all gradients are every optimizer's.
  static var numbers: [String: Double] { get }
  /// The weight decay of a recipe that does not say.
  static var usualWeightDecay: Double { get }

  /// The optimizer with a recipe's numbers.
  /// - Throws: `Failure` where a number makes no sense; no run folder has been made then.
  init(_ settings: OptimizerSettings) throws

  /// Updates one parameter.
  /// - Parameters:
  ///   - weights: all of the parameter's, the last axis innermost.
  ///   - gradient: as many numbers, already scaled where all gradients together were too large.
  ///   - slots: in the order of the type's `slots`, as many numbers each.
  ///   - learningRate: the schedule's, times the parameter's own factor.
  ///   - weightDecay: the recipe's; 0 for biases and norms.
  ///   - count: 1 at the parameter's first update, which is the run's unless the recipe's `unfreezeEvery` lets it learn later.
  func update(
    _ weights: inout [Float], gradient: [Float], slots: inout [[Float]], learningRate: Float,
    weightDecay: Float, count: Int)
}

extension HostOptimizer {
  /// Makes the optimizer known to this process: recipes can name it, and runs that were begun with it go on. Doing so again
  /// changes nothing.
  /// - Throws: `Failure` where its name, or that of a slot or number, is taken or empty.
  public static func register() throws { try Optimizers.add(Self.self) }
}

/// A program's optimizer among the built-in ones. It copies the parameter to the host and back.
struct HostedOptimizer<Own: HostOptimizer>: Optimizer {
  static var name: String { Own.name }
  static var slots: [OptimizerSlot] { Own.slots.map { OptimizerSlot(name: $0) } }
  static var numbers: [OptimizerNumber] {
    Own.numbers.sorted { $0.key < $1.key }.map {
      OptimizerNumber(name: $0.key, usual: $0.value, limit: { _ in nil }, meaning: "")
    }
  }
  static var usualWeightDecay: Double { Own.usualWeightDecay }

  private let own: Own

  init(_ settings: OptimizerSettings) throws { own = try Own(settings) }

  /// The update's number in two parts, which float32 holds exactly.
  func numbers(of update: Int) -> [Float] { [Float(update >> 20), Float(update & 0xF_FFFF)] }

  func update(
    _ parameter: Tensor, gradient: Storage, slots: [Tensor], _ step: OptimizerStep, _ engine: Engine
  ) {
    guard step.scalars.isFinite.values[0] != 0 else { return }
    var (weights, gradient, kept) = (parameter.values, gradient.values, slots.map(\.values))
    let scale = step.scalars.gradientScale.values[0]
    if scale != 1 { for i in gradient.indices { gradient[i] *= scale } }
    let number = step.numbers.values
    own.update(
      &weights, gradient: gradient, slots: &kept, learningRate: step.scalars.learningRate.values[0],
      weightDecay: Float(step.weightDecay), count: Int(number[0]) << 20 + Int(number[1]))
    precondition(
      weights.count == parameter.count && kept.count == slots.count
        && kept.allSatisfy { $0.count == parameter.count },
      "the optimizer '\(Self.name)' has changed how many numbers there are")
    parameter.write(weights)
    for (slot, values) in zip(slots, kept) { slot.write(values) }
  }
}
