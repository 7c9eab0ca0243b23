import Checkpoint
import Tensor

/// A map of embeddings over the picture, as the drloc loss sees it.
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
  /// `[batch, classes]`.
  public let logits: Tensor
  /// One grid a scale, the last scale first.
  public let grids: [EmbeddingGrid]
}

/// Random regularization, active in training only.
public struct Regularization: Sendable, Equatable {
  /// Rate of the last block's residual branches; earlier blocks' rise linearly from 0.
  public var dropPath: Float
  /// Rate after the embedding and in each multilayer perceptron and projection.
  public var dropout: Float

  public init(dropPath: Float = 0, dropout: Float = 0) {
    self.dropPath = dropPath
    self.dropout = dropout
  }
}

/// An image classifier that training knows nothing else about.
public protocol VisionModel: AnyObject {
  /// The configuration, with the keys of the native store.
  var configuration: JSON { get }
  var architecture: String { get }
  var imageSize: Int { get }
  var numClasses: Int { get }
  var parameters: ParameterSet { get }
  /// Width of the embeddings of each grid, the last scale first.
  var gridChannels: [Int] { get }
  /// Cells along one side of each grid.
  var gridSides: [Int] { get }

  /// - Parameter images: `[batch, imageSize, imageSize, inChannels]`, normalized.
  func forward(_ images: Tensor, _ context: Context) -> ModelOutput
}
