import VTCheckpoint
import VTCore
import VTTensor

/// The shape of one architecture's networks, read from the native store's configuration keys.
package protocol NetworkConfiguration: Sendable {
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
