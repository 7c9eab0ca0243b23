import VTCheckpoint
import VTCore
import VTTensor

/// A map of embeddings over the image, as the drloc loss sees it.
public struct EmbeddingGrid {
  /// `[batch, prefix + side * side, channels]`.
  public let tokens: Tensor
  /// Tokens in front of the grid (class, distillation).
  public let prefix: Int
  /// k of a k x k grid.
  public let side: Int

  public init(tokens: Tensor, prefix: Int, side: Int) {
    self.tokens = tokens
    self.prefix = prefix
    self.side = side
  }

  /// The grid alone, copied: `[batch, side, side, channels]`.
  public var values: [Float] {
    let (batch, count, channels) = (tokens.shape[0], tokens.shape[1], tokens.shape[2])
    let all = tokens.values
    return (0..<batch).flatMap { image in
      all[(image * count + prefix) * channels..<(image + 1) * count * channels]
    }
  }
}

/// What a forward pass gives.
public struct ModelOutput {
  /// `[batch, classes]`; without a classifier `[batch, channels]`, what one would see.
  public let logits: Tensor
  /// One grid a scale, in the order of the network's stages.
  public let grids: [EmbeddingGrid]

  /// What the last block gave, before the final norm: `[batch, tokens, channels]`.
  public let tokens: Tensor

  /// The last stage's, which the drloc loss sees unless it is to see all.
  public var finalGrid: EmbeddingGrid { grids[grids.count - 1] }
}

/// Random regularization, active in training only.
public struct Regularization: Sendable, Equatable {
  /// Rate of the last block's residual branches; earlier blocks' rise linearly from 0.
  public var dropPath: Float
  /// Rate after the embedding and in each MLP and projection.
  public var dropout: Float
  /// Whether batch norms keep to their running statistics in training: right for batches of a few images.
  public var freezesBatchNorm: Bool

  public init(dropPath: Float = 0, dropout: Float = 0, freezesBatchNorm: Bool = false) {
    self.dropPath = dropPath
    self.dropout = dropout
    self.freezesBatchNorm = freezesBatchNorm
  }
}

/// An image classifier that training knows nothing else about.
public protocol VisionModel: AnyObject {
  /// The configuration, with the keys of the native store.
  var configuration: JSON { get }
  var architecture: String { get }
  var imageSize: Int { get }
  /// 0 for a network without a classifier, whose output is what one would see.
  var numClasses: Int { get }
  var parameters: Parameters { get }
  /// Width of the embeddings of each grid, in the order of the stages.
  var gridChannels: [Int] { get }
  /// Cells along one side of each grid.
  var gridSides: [Int] { get }

  /// - Parameter images: `[batch, imageSize, imageSize, inChannels]`, normalized.
  func forward(_ images: Tensor, _ tape: Tape) -> ModelOutput
}

extension VisionModel {
  /// Channels of the images that it takes.
  public var inChannels: Int { configuration["in_channels"]?.int ?? 3 }
  /// Width of the last grid's embeddings.
  public var finalGridChannels: Int { gridChannels[gridChannels.count - 1] }
  /// Cells along one side of the last grid.
  public var finalGridSide: Int { gridSides[gridSides.count - 1] }
}
