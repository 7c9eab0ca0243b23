import VTCheckpoint
import VTCore
import VTTensor

/// The configuration of one architecture's networks, read from the native store's configuration keys, and the
/// architecture's own facts. Nothing outside of its folder asks for an architecture by name.
public protocol NetworkConfiguration: Sendable {
  /// The architecture's name: the value of the configuration's key `architecture`.
  static var architecture: String { get }
  /// The networks that the literature names.
  static var published: [NamedModel] { get }
  /// What images are normalized with where no checkpoint says.
  static var pixelStatistics: PixelStatistics { get }
  /// λ of the drloc loss where the recipe does not say (section 5 of its paper, or docs/results.md).
  static var drlocWeight: Double { get }
  /// The side of the images that it takes, in pixels.
  var imageSize: Int { get }
  /// Classes of the classifier; 0 for a network without one.
  var numClasses: Int { get }
  /// The same keys again.
  var json: JSON { get }
  /// The parameters by native name, in the reference implementation's order.
  var parameterDeclarations: [ParameterDeclaration] { get }

  /// The block that a parameter belongs to, such as `blocks.3`; nil where it lies outside of them.
  static func block(of parameter: String) -> Substring?

  /// - Throws: `Failure` naming the keys that are missing, malformed, unknown or contradict others.
  init(reading reader: inout ConfigurationReader) throws
}

extension NetworkConfiguration {
  /// No network of the architecture has a name.
  public static var published: [NamedModel] { [] }
  /// ImageNet's.
  public static var pixelStatistics: PixelStatistics { .imageNet }
  /// 0.1.
  public static var drlocWeight: Double { 0.1 }
  /// All parameters lie outside of blocks.
  public static func block(of parameter: String) -> Substring? { nil }
}
