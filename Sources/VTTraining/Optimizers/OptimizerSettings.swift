/// Which optimizer trains, with its numbers.
public struct OptimizerSettings: Sendable, Equatable {
  /// `adamw`, `sgd`, `lion`, or a `HostOptimizer` that was registered.
  public let name: String
  /// Multiplies the parameters that decay; biases and norms do not.
  public var weightDecay: Double
  /// Gradients whose norm over all parameters exceeds this are scaled down to it; nil never.
  public var clipNorm: Double?
  /// The optimizer's own numbers by name, all of them.
  private var numbers: [String: Double]

  /// An optimizer with its usual numbers. One of your own is registered before.
  public init(_ name: String = "adamw", weightDecay: Double? = nil, clipNorm: Double? = 5) {
    let type = Optimizers.named(name)
    self.name = name
    self.weightDecay = weightDecay ?? type?.usualWeightDecay ?? 0
    self.clipNorm = clipNorm
    numbers = Dictionary(uniqueKeysWithValues: (type?.numbers ?? []).map { ($0.name, $0.usual) })
  }

  /// One of the optimizer's own numbers; nil where it has no such number.
  func value(_ number: String) -> Double? { numbers[number] }

  /// One of the optimizer's own numbers, such as `beta1`.
  /// - Precondition: the optimizer has it.
  public subscript(number: String) -> Double {
    get {
      guard let value = numbers[number] else { preconditionFailure("\(name) has no '\(number)'") }
      return value
    }
    set {
      precondition(numbers[number] != nil, "\(name) has no '\(number)'")
      numbers[number] = newValue
    }
  }
}
