import VTCheckpoint
import VTCore
import VTTensor

/// A map of embeddings over the image, as the drloc loss sees it.
public struct EmbeddingGrid {
  /// `[batch, prefix + side * side, channels]`.
  package let tokens: Tensor
  /// Tokens in front of the grid (class, distillation).
  package let prefix: Int
  /// k of a k x k grid.
  package let side: Int

  /// A grid among the tokens of a layer; see the properties.
  public init(tokens: Tensor, prefix: Int, side: Int) {
    self.tokens = tokens
    self.prefix = prefix
    self.side = side
  }

  /// The grid alone, copied: `[batch, side, side, channels]`.
  package var values: [Float] {
    let (batch, count, channels) = (tokens.shape[0], tokens.shape[1], tokens.shape[2])
    let all = tokens.values
    return (0..<batch).flatMap { image in
      all[(image * count + prefix) * channels..<(image + 1) * count * channels]
    }
  }
}

/// What a forward pass gives.
public struct ModelOutput {
  /// `[batch, classes]`; without a classifier `[batch, channels]`, the features that one would read.
  package let logits: Tensor
  /// One grid a scale, in the order of the network's stages.
  package let grids: [EmbeddingGrid]

  /// What the last block gave, before the final norm: `[batch, tokens, channels]`.
  package let tokens: Tensor

  /// What a network computed for a batch.
  /// - Parameters:
  ///   - logits: `[batch, classes]`; without a classifier `[batch, channels]`, the features that one would read.
  ///   - grids: one grid a scale, in the order of the network's stages; at least one.
  ///   - tokens: what the last block gave, before the final norm: `[batch, tokens, channels]`.
  public init(logits: Tensor, grids: [EmbeddingGrid], tokens: Tensor) {
    (self.logits, self.grids, self.tokens) = (logits, grids, tokens)
  }

  /// The last stage's, which the drloc loss sees unless it is to see all.
  package var finalGrid: EmbeddingGrid { grids[grids.count - 1] }
}

/// Random regularization, active in training only.
public struct Regularization: Sendable, Equatable {
  /// Rate of the last block's residual branches; earlier blocks' rise linearly from 0.
  public var dropPath: Float
  /// Rate after the embedding and in each MLP and projection.
  public var dropout: Float
  /// Whether batch norms keep to their running statistics in training: right for batches of a few images.
  public var freezesBatchNorm: Bool

  package init(dropPath: Float = 0, dropout: Float = 0, freezesBatchNorm: Bool = false) {
    self.dropPath = dropPath
    self.dropout = dropout
    self.freezesBatchNorm = freezesBatchNorm
  }
}

/// A network: a configuration of its architecture, parameters, and a forward pass. Training knows nothing else about it.
public protocol VisionModel: AnyObject {
  /// The configuration of the architecture's networks.
  associatedtype Configuration: NetworkConfiguration
  /// This network's configuration.
  var configuration: Configuration { get }
  /// All that `configuration` declares.
  var parameters: Parameters { get }
  /// Width of the embeddings of each grid, in the order of the stages.
  var gridChannels: [Int] { get }
  /// Cells along one side of each grid.
  var gridSides: [Int] { get }

  /// A network over parameters that hold all that `configuration` declares.
  init(_ configuration: Configuration, parameters: Parameters, regularization: Regularization, engine: Engine)

  /// The forward pass: every operation is a call of the tape.
  /// - Parameter images: `[batch, imageSize, imageSize, inChannels]`, normalized.
  func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput
}

extension VisionModel {
  /// - Throws: `Failure` if `weights` lacks a parameter or has one of another shape.
  package init(
    _ configuration: Configuration, weights: StateDict?, engine: Engine, seed: UInt64 = 0,
    regularization: Regularization = Regularization(),
    isTrainable: (String) -> Bool = { _ in true }
  ) throws {
    let parameters = Parameters(engine: engine)
    try parameters.add(
      configuration.parameterDeclarations, weights: weights, seed: seed, isTrainable: isTrainable)
    self.init(configuration, parameters: parameters, regularization: regularization, engine: engine)
  }

  package var architecture: String { Configuration.architecture }
  package var hasBatchNorm: Bool { parameters.names.contains { $0.hasSuffix(".running_mean") } }
  /// λ of the drloc loss where the recipe does not say.
  package var drlocWeight: Double { Configuration.drlocWeight }
  package var imageSize: Int { configuration.imageSize }
  /// 0 for a network without a classifier, whose output is the features that one would read.
  package var numClasses: Int { configuration.numClasses }
  /// Channels of the images that it takes.
  package var inChannels: Int { configuration.json["in_channels"]?.int ?? 3 }
  /// Width of the last grid's embeddings.
  package var finalGridChannels: Int { gridChannels[gridChannels.count - 1] }
  /// Cells along one side of the last grid.
  package var finalGridSide: Int { gridSides[gridSides.count - 1] }
}
