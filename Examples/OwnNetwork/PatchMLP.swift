import VTKit

/// A network without attention: patches, a few blocks of an MLP on each, their mean, a classifier.
final class PatchMLP: VisionModel {
  let configuration: PatchMLPConfiguration
  let parameters: Parameters
  private let regularization: Regularization

  /// What the drloc loss sees: one grid of patches.
  var gridChannels: [Int] { [configuration.width] }
  var gridSides: [Int] { [configuration.side] }

  init(
    _ configuration: PatchMLPConfiguration, parameters: Parameters, regularization: Regularization,
    engine: Engine
  ) {
    (self.configuration, self.parameters, self.regularization) = (configuration, parameters, regularization)
  }

  func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput {
    let p = parameters
    // [batch, side * side, width]
    var x = tape.patchEmbedding(
      images: images, weight: p["patches.weight"], bias: p["patches.bias"], patch: configuration.patchSize,
      prefixTokens: [], position: p["positions"])
    for index in 0..<configuration.depth {
      let block = "blocks.\(index)."
      var y = tape.layerNorm(x, gamma: p[block + "norm.weight"], beta: p[block + "norm.bias"], eps: 1e-6)
      y = tape.linear(y, weight: p[block + "up.weight"], bias: p[block + "up.bias"], activation: .gelu)
      y = tape.dropout(y, rate: regularization.dropout)
      x = tape.linear(y, weight: p[block + "down.weight"], bias: p[block + "down.bias"], residual: x)
    }
    let pooled = tape.meanPool(x, first: 0)
    let logits =
      configuration.numClasses == 0
      ? pooled : tape.linear(pooled, weight: p["head.weight"], bias: p["head.bias"])
    let grid = EmbeddingGrid(tokens: x, prefix: 0, side: configuration.side)
    return ModelOutput(logits: logits, grids: [grid], tokens: x)
  }
}

/// The keys of its configuration, and the parameters that follow from them.
struct PatchMLPConfiguration: NetworkConfiguration {
  static let architecture = "patch_mlp"

  let imageSize: Int
  let numClasses: Int
  let patchSize: Int
  let width: Int
  let depth: Int
  /// Patches along one side.
  var side: Int { imageSize / patchSize }

  init(reading reader: inout ConfigurationReader) throws {
    imageSize = reader.size("image_size")
    numClasses = reader.count("num_classes")
    patchSize = reader.size("patch_size", default: 8)
    width = reader.size("width", default: 64)
    depth = reader.size("depth", default: 2)
    try reader.finish()
    guard imageSize % patchSize == 0 else {
      throw Failure("'image_size' is \(imageSize), which patches of \(patchSize) do not divide")
    }
  }

  var json: JSON {
    .object([
      "architecture": .string(Self.architecture), "image_size": .int(imageSize),
      "num_classes": .int(numClasses), "patch_size": .int(patchSize), "width": .int(width),
      "depth": .int(depth),
    ])
  }

  var parameterDeclarations: [ParameterDeclaration] {
    var all: [ParameterDeclaration] = []
    func linear(_ name: String, _ shape: [Int], isClassifier: Bool = false) {
      all.append(
        ParameterDeclaration(
          name + ".weight", shape, .truncatedNormal(std: 0.02), isClassifier: isClassifier))
      all.append(ParameterDeclaration(name + ".bias", [shape[0]], .zeros, isClassifier: isClassifier))
    }
    linear("patches", [width, 3, patchSize, patchSize])
    all.append(ParameterDeclaration("positions", [1, side * side, width], .truncatedNormal(std: 0.02)))
    for index in 0..<depth {
      let block = "blocks.\(index)."
      all.append(ParameterDeclaration(block + "norm.weight", [width], .ones))
      all.append(ParameterDeclaration(block + "norm.bias", [width], .zeros))
      linear(block + "up", [4 * width, width])
      linear(block + "down", [width, 4 * width])
    }
    if numClasses > 0 { linear("head", [numClasses, width], isClassifier: true) }
    return all
  }
}
