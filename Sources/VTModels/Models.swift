import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// The registry of architectures: builds networks from their configuration, and knows the published ones by name.
public enum Models {
  static var networks: [any VisionModel.Type] {
    lock.withLock { added } + [ViT.self, Swin.self, CvT.self, T2TViT.self, ResNet.self]
  }

  private static let lock = NSLock()
  /// Programs' own; `lock` guards it.
  nonisolated(unsafe) private static var added: [any VisionModel.Type] = []

  /// Makes a network of your own known to this process: its configurations can be trained, and its files read. It takes
  /// the place of one of the same architecture.
  public static func add(_ network: any VisionModel.Type) {
    lock.withLock {
      added.removeAll { name($0) == name(network) }
      added.append(network)
    }
  }

  /// Architectures that can be built.
  package static var architectures: [String] { networks.map { name($0) } }

  /// - Parameters:
  ///   - configuration: the native store's keys; `architecture` decides the rest.
  ///   - weights: by native name; nil initializes.
  /// - Throws: `Failure` for an unknown architecture, a malformed configuration or weights that do not fit.
  package static func make(
    _ configuration: JSON, weights: StateDict?, engine: Engine, seed: UInt64 = 0,
    regularization: Regularization = Regularization(),
    isTrainable: (String) -> Bool = { _ in true }
  ) throws -> any VisionModel {
    if let weights { try checkNothingIsLeft(weights, configuration) }
    func build<N: VisionModel>(_ type: N.Type) throws -> any VisionModel {
      try N(
        N.Configuration(configuration), weights: weights, engine: engine, seed: seed,
        regularization: regularization, isTrainable: isTrainable)
    }
    return try build(network(of: configuration))
  }

  /// Refuses tensors that the network has no place for, the drloc head's, the optimizer's and PyTorch's counters
  /// of batches apart.
  private static func checkNothingIsLeft(_ weights: StateDict, _ configuration: JSON) throws {
    let own = Set(try parameterDeclarations(configuration).map(\.name))
    let left = weights.names.filter { name in
      !own.contains(name) && !["drloc.", "optimizer."].contains { name.hasPrefix($0) }
        && !name.hasSuffix(".num_batches_tracked")
    }
    guard left.isEmpty else {
      throw Failure(
        "the network has no place for \(left.count.counted("tensor")): "
          + left.prefix(8).joined(separator: ", ") + (left.count > 8 ? ", ..." : ""),
        hint: "leave them out with --ignore")
    }
  }

  /// Refuses tensors of other shapes than the configuration's network has, such as a Swin's whose windows differ from
  /// stage to stage. Tensors that are missing or left over are another matter.
  /// - Throws: `Failure` naming the first such tensor.
  package static func checkShapes(_ weights: StateDict, _ configuration: JSON) throws {
    for declaration in try parameterDeclarations(configuration) {
      guard let tensor = weights[declaration.name], tensor.shape != declaration.shape else { continue }
      throw Failure(
        "the tensors are those of a network that VTKit does not have: its shape is \(tensor.shape), in a network of the file's configuration \(declaration.shape)",
        tensor: declaration.name)
    }
  }

  /// The parameters that a configuration declares, by native name.
  package static func parameterDeclarations(_ configuration: JSON) throws -> [ParameterDeclaration] {
    func declarations<N: VisionModel>(_ type: N.Type) throws -> [ParameterDeclaration] {
      try N.Configuration(configuration).parameterDeclarations
    }
    return try declarations(network(of: configuration))
  }

  /// A configuration with the keys that it leaves out.
  /// - Throws: `Failure` as for `make`.
  package static func completed(_ configuration: JSON) throws -> JSON {
    func whole<N: VisionModel>(_ type: N.Type) throws -> JSON { try N.Configuration(configuration).json }
    let all = try whole(network(of: configuration)).members ?? []
    let names = Set(all.map(\.key))
    // A key of null that networks of this kind do not write (`resnet_depths`).
    let others = (configuration.members ?? []).filter { !names.contains($0.key) && $0.value == .null }
    return .object(
      all.filter { $0.key == "architecture" }
        + (all.filter { $0.key != "architecture" } + others).sorted { $0.key < $1.key })
  }

  /// Every key of an architecture's configuration.
  /// - Throws: `Failure` listing the architectures.
  package static func configurationKeys(of architecture: String) throws -> [ConfigurationKey] {
    func keys<N: VisionModel>(_ type: N.Type) -> [ConfigurationKey] { N.Configuration.keys }
    return try keys(network(of: .object(["architecture": .string(architecture)])))
  }

  /// Parameters of the classifier, which fine-tuning replaces.
  package static func headParameters(_ configuration: JSON) throws -> Set<String> {
    Set(try parameterDeclarations(configuration).filter(\.isClassifier).map(\.name))
  }

  /// How deep each parameter lies, by native name: see `NetworkConfiguration.parameterDepths`.
  package static func parameterDepths(_ configuration: JSON) throws -> [String: Int] {
    func depths<N: VisionModel>(_ type: N.Type) throws -> [String: Int] {
      try N.Configuration(configuration).parameterDepths
    }
    return try depths(network(of: configuration))
  }

  /// What images are normalized with where no checkpoint says.
  /// - Throws: `Failure` listing the architectures.
  package static func pixelStatistics(_ architecture: String) throws -> PixelStatistics {
    func statistics<N: VisionModel>(_ type: N.Type) -> PixelStatistics { N.Configuration.pixelStatistics }
    return try statistics(network(of: .object(["architecture": .string(architecture)])))
  }

  private static func name<N: VisionModel>(_ type: N.Type) -> String { N.Configuration.architecture }

  private static func network(of configuration: JSON) throws -> any VisionModel.Type {
    guard let architecture = configuration["architecture"]?.string else {
      throw Failure("the configuration does not name its architecture")
    }
    guard let network = networks.first(where: { name($0) == architecture }) else {
      throw Failure(
        "the architecture '\(architecture)' is unknown",
        hint: "known are " + architectures.joined(separator: ", "))
    }
    return network
  }
}
