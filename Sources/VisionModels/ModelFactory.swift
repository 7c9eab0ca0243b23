import Checkpoint
import Tensor

/// Builds networks of any architecture from their configuration.
public enum ModelFactory {
  /// Architectures that can be built.
  public static let architectures = ["vit", "swin", "cvt", "t2t_vit", "resnet"]

  /// - Parameters:
  ///   - configuration: the native store's keys; `architecture` decides the rest.
  ///   - weights: by native name; nil initializes.
  /// - Throws: `Failure` for an unknown architecture, a malformed configuration or weights that do not fit.
  public static func make(
    _ configuration: JSON, weights: ParameterStore?, engine: Engine, seed: UInt64 = 0,
    regularization: Regularization = Regularization(),
    isTrainable: (String) -> Bool = { _ in true }
  ) throws -> any VisionModel {
    if let weights { try checkNothingIsLeft(weights, configuration) }
    switch try architecture(of: configuration) {
    case "vit":
      return try ViT(
        ViTConfiguration(configuration), weights: weights, engine: engine, seed: seed,
        regularization: regularization, isTrainable: isTrainable)
    case "swin":
      return try Swin(
        SwinConfiguration(configuration), weights: weights, engine: engine, seed: seed,
        regularization: regularization, isTrainable: isTrainable)
    case "cvt":
      return try CvT(
        CvTConfiguration(configuration), weights: weights, engine: engine, seed: seed,
        regularization: regularization, isTrainable: isTrainable)
    case "t2t_vit":
      return try T2TViT(
        T2TConfiguration(configuration), weights: weights, engine: engine, seed: seed,
        regularization: regularization, isTrainable: isTrainable)
    case "resnet":
      return try ResNet(
        ResNetConfiguration(configuration), weights: weights, engine: engine, seed: seed,
        regularization: regularization, isTrainable: isTrainable)
    case let other: throw unknown(other)
    }
  }

  /// Refuses tensors that the network has no place for, the drloc head's, the optimizer's and PyTorch's counters
  /// of batches apart.
  private static func checkNothingIsLeft(_ weights: ParameterStore, _ configuration: JSON) throws {
    let own = Set(try parameterSpecs(configuration).map(\.name))
    let left = weights.names.filter { name in
      !own.contains(name) && !["drloc.", "optimizer."].contains { name.hasPrefix($0) }
        && !name.hasSuffix(".num_batches_tracked")
    }
    guard left.isEmpty else {
      throw Failure(
        "the network has no place for \(left.count) tensors: "
          + left.prefix(8).joined(separator: ", ") + (left.count > 8 ? ", ..." : ""),
        remedy: "leave them out with --ignore")
    }
  }

  /// The parameters that a configuration declares, by native name.
  public static func parameterSpecs(_ configuration: JSON) throws -> [ParameterSpec] {
    switch try architecture(of: configuration) {
    case "vit": return try ViTConfiguration(configuration).parameterSpecs
    case "swin": return try SwinConfiguration(configuration).parameterSpecs
    case "cvt": return try CvTConfiguration(configuration).parameterSpecs
    case "t2t_vit": return try T2TConfiguration(configuration).parameterSpecs
    case "resnet": return try ResNetConfiguration(configuration).parameterSpecs
    case let other: throw unknown(other)
    }
  }

  /// Parameters of the classifier, which fine-tuning replaces.
  public static func headParameters(_ configuration: JSON) throws -> Set<String> {
    let names = try parameterSpecs(configuration).map(\.name)
    return Set(names.filter { name in ["head.", "head_dist.", "fc."].contains { name.hasPrefix($0) } })
  }

  private static func architecture(of configuration: JSON) throws -> String {
    guard let name = configuration["architecture"]?.string else {
      throw Failure("the configuration does not name its architecture")
    }
    return name
  }

  private static func unknown(_ name: String) -> Failure {
    Failure(
      "the architecture '\(name)' is unknown",
      remedy: "known are " + architectures.joined(separator: ", "))
  }
}
