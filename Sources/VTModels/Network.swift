import VTCheckpoint
import VTCore
import VTTensor

/// The shape of one architecture's networks, read from the native store's configuration keys.
public protocol NetworkConfiguration: Sendable {
  static var architecture: String { get }
  var imageSize: Int { get }
  var numClasses: Int { get }
  /// The same keys again.
  var json: JSON { get }
  /// The parameters by native name, in the reference implementation's order.
  var parameterDeclarations: [ParameterDeclaration] { get }

  /// - Throws: `Failure` naming the keys that are missing, malformed, unknown or contradict others.
  init(reading reader: inout ConfigurationReader) throws
}

/// A network that can be built from its configuration.
public protocol Network: VisionModel {
  associatedtype Shape: NetworkConfiguration
  var shape: Shape { get }

  /// A network over parameters that hold all that `shape` declares.
  init(_ shape: Shape, parameters: Parameters, regularization: Regularization, engine: Engine)
}

extension Network {
  /// - Throws: `Failure` where `weights` lacks a parameter or has one of another shape.
  public init(
    _ shape: Shape, weights: StateDict?, engine: Engine, seed: UInt64 = 0,
    regularization: Regularization = Regularization(),
    isTrainable: (String) -> Bool = { _ in true }
  ) throws {
    let parameters = Parameters(engine: engine)
    try parameters.add(
      shape.parameterDeclarations, weights: weights, seed: seed, isTrainable: isTrainable)
    self.init(shape, parameters: parameters, regularization: regularization, engine: engine)
  }

  public var architecture: String { Shape.architecture }
  public var configuration: JSON { shape.json }
  public var imageSize: Int { shape.imageSize }
  public var numClasses: Int { shape.numClasses }
}
