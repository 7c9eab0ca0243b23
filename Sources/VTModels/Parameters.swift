import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// What a parameter starts as where no checkpoint gives it.
public enum Initialization: Sendable, Equatable {
  /// All 0.
  case zeros
  /// All 1.
  case ones
  /// All the same.
  case constant(Float)
  /// Normal, redrawn outside two standard deviations.
  case truncatedNormal(std: Double)
  /// Uniform in ±bound, PyTorch's default for linear layers with `bound = 1/sqrt(inputs)`.
  case uniform(bound: Double)
  /// Normal around 0.
  case normal(std: Double)
  /// Rows at right angles to each other, each `scale` long; at most as many rows as columns.
  case orthogonal(scale: Double)
  /// The fixed position table of a `[1, positions, channels]`: sines on even channels, cosines on odd ones, of
  /// `position / 10000^(2⌊c/2⌋ / channels)` (Vaswani et al., NeurIPS 2017).
  case sinusoid
}

/// A parameter as the architecture declares it.
public struct ParameterDeclaration: Sendable, Equatable {
  package let name: String
  package let shape: [Int]
  package let initialization: Initialization
  /// False for what gradients never change: running statistics, fixed projections and tables.
  package let isTrainable: Bool
  /// Whether weight decay acts on it.
  package let decays: Bool
  /// Whether it is part of the classifier, which fine-tuning replaces.
  package internal(set) var isClassifier: Bool

  /// A parameter.
  /// - Parameters:
  ///   - name: its native name, such as `head.weight`.
  ///   - shape: the lengths of its axes; weights of linear layers are `[outputs, inputs]`.
  ///   - initialization: what it starts as where no checkpoint gives it.
  ///   - isTrainable: false for what gradients never change.
  ///   - decays: whether weight decay acts on it; nil takes the usual rule, all but biases and what has one axis.
  ///   - isClassifier: whether it is part of the classifier, which fine-tuning replaces.
  public init(
    _ name: String, _ shape: [Int], _ initialization: Initialization, isTrainable: Bool = true,
    decays: Bool? = nil, isClassifier: Bool = false
  ) {
    self.isClassifier = isClassifier
    self.name = name
    self.shape = shape
    self.initialization = initialization
    self.isTrainable = isTrainable
    self.decays = decays ?? (shape.count > 1 && !name.hasSuffix(".bias"))
  }

  /// The literature does not count a batch norm's running mean and variance as parameters.
  package var isRunningStatistic: Bool {
    name.hasSuffix(".running_mean") || name.hasSuffix(".running_var")
  }

  /// Numbers in it; the largest integer where there are more.
  package var count: Int {
    shape.reduce(1) { product, length in
      let (value, overflow) = product.multipliedReportingOverflow(by: length)
      return overflow ? .max : value
    }
  }

  /// The numbers to start from.
  /// - Parameter index: the parameter's place in its network, so that no two share numbers.
  package func initialValues(seed: UInt64, index: UInt64) -> [Float] {
    var generator = RandomKey(seed: seed, purpose: .initialization, index: index).generator()
    switch initialization {
    case .zeros: return [Float](repeating: 0, count: count)
    case .ones: return [Float](repeating: 1, count: count)
    case .constant(let value): return [Float](repeating: value, count: count)
    case .truncatedNormal(let std):
      return (0..<count).map { _ in Float(generator.truncatedNormal(std: std)) }
    case .normal(let std): return (0..<count).map { _ in Float(generator.normal() * std) }
    case .sinusoid: return Self.sinusoid(positions: shape[1], channels: shape[2])
    case .orthogonal(let scale):
      return Self.orthogonalRows(shape[0], count / max(1, shape[0]), scale) { generator.normal() }
    case .uniform(let bound):
      return (0..<count).map { _ in Float((2 * generator.uniform() - 1) * bound) }
    }
  }
}

extension ParameterDeclaration {
  private static func sinusoid(positions: Int, channels: Int) -> [Float] {
    (0..<positions).flatMap { position in
      (0..<channels).map { channel -> Float in
        let angle = Double(position) / pow(10000, Double(2 * (channel / 2)) / Double(channels))
        return Float(channel % 2 == 0 ? sin(angle) : cos(angle))
      }
    }
  }

  /// Normal rows made orthogonal one after the other (modified Gram-Schmidt).
  private static func orthogonalRows(
    _ rows: Int, _ columns: Int, _ scale: Double, _ normal: () -> Double
  ) -> [Float] {
    var result: [[Double]] = []
    for _ in 0..<rows {
      var row = (0..<columns).map { _ in normal() }
      for other in result.suffix(columns - 1) {
        let dot = zip(row, other).reduce(0.0) { $0 + $1.0 * $1.1 }
        for c in 0..<columns { row[c] -= dot * other[c] }
      }
      let length = row.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
      result.append(row.map { $0 / max(length, 1e-12) })
    }
    return result.flatMap { $0.map { Float($0 * scale) } }
  }
}

/// A network's parameters by native name, in the order of their declaration.
public final class Parameters {
  package private(set) var names: [String] = []
  private var tensors: [String: Tensor] = [:]
  /// What passes see in place of parameters, while `replacing` runs.
  private var replacements: [String: Tensor] = [:]
  private var declared: [String: ParameterDeclaration] = [:]
  private let engine: Engine

  package init(engine: Engine) { self.engine = engine }

  /// A parameter by its native name.
  /// - Precondition: the architecture declared it.
  public subscript(name: String) -> Tensor {
    guard let tensor = replacements[name] ?? tensors[name] else {
      preconditionFailure("no parameter '\(name)'")
    }
    return tensor
  }

  /// Does something while passes see other tensors in place of some parameters.
  package func replacing<Result>(_ others: [String: Tensor], _ body: () throws -> Result) rethrows -> Result {
    replacements = others
    defer { replacements = [:] }
    return try body()
  }

  /// How the architecture declared a parameter.
  package func declaration(_ name: String) -> ParameterDeclaration? { declared[name] }

  package func contains(_ name: String) -> Bool { tensors[name] != nil }
  package var all: [(name: String, tensor: Tensor)] { names.map { ($0, tensors[$0]!) } }
  package var elementCount: Int { all.reduce(0) { $0 + $1.tensor.count } }

  /// Adds declared parameters, taken from `weights` or made by their initialization.
  /// - Parameters:
  ///   - weights: nil initializes everything.
  ///   - seed: decides the initial numbers, parameter by parameter.
  ///   - isTrainable: whether a parameter gets a gradient.
  /// - Throws: `Failure` listing every missing or misshapen tensor.
  package func add(
    _ declarations: [ParameterDeclaration], weights: StateDict?, seed: UInt64,
    isTrainable: (String) -> Bool = { _ in true }
  ) throws {
    if let weights {
      let problems = declarations.compactMap { declaration -> String? in
        guard let tensor = weights[declaration.name] else {
          return "missing \(declaration.name) \(declaration.shape)"
        }
        guard tensor.shape == declaration.shape else {
          return "misshapen \(declaration.name) \(tensor.shape), the network has \(declaration.shape)"
        }
        return nil
      }
      guard problems.isEmpty else {
        throw Failure(
          "the weights do not fit the network:\n  " + problems.joined(separator: "\n  "))
      }
    }
    if let declaration = declarations.first(where: { $0.count > 1 << 32 }) {
      throw Failure(
        .resource, "the network would have a parameter of shape \(declaration.shape)",
        tensor: declaration.name,
        hint: "check the sizes in the configuration")
    }
    for declaration in declarations {
      let isTrained = declaration.isTrainable && isTrainable(declaration.name)
      defer {
        names.append(declaration.name)
        declared[declaration.name] = declaration
      }
      guard engine.backend.holdsNumbers else {
        tensors[declaration.name] = engine.uninitialized(declaration.shape, needsGradient: isTrained)
        continue
      }
      let values =
        try weights?[declaration.name]?.floats()
        ?? declaration.initialValues(seed: seed, index: UInt64(names.count))
      tensors[declaration.name] =
        isTrained
        ? Tensor.parameter(values, declaration.shape, engine: engine)
        : Tensor.frozen(values, declaration.shape, engine: engine)
    }
  }

  /// A copy of every parameter, as a store of float32 tensors.
  package func store() throws -> StateDict {
    try StateDict(
      all.map { StoredTensor(name: $0.name, shape: $0.tensor.shape, values: $0.tensor.values) })
  }

  /// Forgets all gradients, keeping their memory.
  package func clearGradients() { for name in names { tensors[name]!.clearGradient() } }
}
