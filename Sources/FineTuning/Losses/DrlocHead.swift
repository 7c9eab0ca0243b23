import Tensor
import VisionModels

/// How the dense relative localization loss is defined.
public struct DrlocOptions: Sendable, Codable, Equatable {
  /// What the head's two numbers should be.
  public enum Target: String, Sendable, Codable, CaseIterable {
    /// `|i - p| / k`, `|j - h| / k`; loss: mean over images and pairs of the sum of both errors.
    case paper
    /// The published code's: `|i - p|`, `|j - h|`; loss: mean over images, pairs and coordinates.
    case reference
  }

  public var target: Target
  /// Pairs of positions drawn for each picture (m).
  public var pairs: Int
  /// λ, the loss's weight beside the cross-entropy.
  public var weight: Double
  /// Epochs over which λ rises from 0 before it falls to 0; nil keeps it constant.
  public var scheduleWarmupEpochs: Int?

  public init(
    target: Target = .paper, pairs: Int = 64, weight: Double = 0.1,
    scheduleWarmupEpochs: Int? = nil
  ) {
    self.target = target
    self.pairs = pairs
    self.weight = weight
    self.scheduleWarmupEpochs = scheduleWarmupEpochs
  }
}

/// Pairs of grid positions, drawn uniformly with replacement: flat indices, `[batch * pairs]`.
public struct GridPairs: Sendable, Equatable {
  public var first: [Int32]
  public var second: [Int32]

  public init(first: [Int32], second: [Int32]) {
    self.first = first
    self.second = second
  }

  /// - Parameter keys: one a picture, so that its pairs depend on nothing else.
  public init(keys: [RandomKey], pairs: Int, side: Int) {
    first = []
    second = []
    for key in keys {
      var generator = key.generator()
      for _ in 0..<pairs {
        first.append(Int32(generator.below(side * side)))
        second.append(Int32(generator.below(side * side)))
      }
    }
  }
}

/// The auxiliary network and loss of "Efficient Training of Visual Transformers with Small Datasets" (Liu
/// et al., NeurIPS 2021), section 4: from two embeddings of the final grid, tell how far apart they are.
public enum DrlocHead {
  static let hidden = 512

  /// Parameters of the network for `scale`: Linear(2D, 512) ReLU Linear(512, 512) ReLU Linear(512, 2).
  public static func parameterSpecs(scale: Int, channels: Int) -> [ParameterSpec] {
    let widths = [2 * channels, hidden, hidden, 2]
    return zip(widths, widths.dropFirst()).enumerated().flatMap { index, layer in
      let (inputs, outputs) = layer
      let bound = 1 / Double(inputs).squareRoot()
      let name = "drloc.\(scale).layers.\(2 * index)"
      return [
        ParameterSpec(name + ".weight", [outputs, inputs], .uniform(bound: bound)),
        ParameterSpec(name + ".bias", [outputs], .uniform(bound: bound)),
      ]
    }
  }

  /// What the head should answer, `[batch * pairs, 2]`: rows, then columns apart.
  static func targets(_ pairs: GridPairs, side: Int, _ target: DrlocOptions.Target) -> [Float] {
    let unit: Float = target == .paper ? 1 / Float(side) : 1
    return zip(pairs.first, pairs.second).flatMap { a, b in
      let (ra, ca) = Int(a).quotientAndRemainder(dividingBy: side)
      let (rb, cb) = Int(b).quotientAndRemainder(dividingBy: side)
      return [Float(abs(ra - rb)) * unit, Float(abs(ca - cb)) * unit]
    }
  }

  /// The head's answers, `[batch * pairs, 2]`.
  public static func predictions(
    _ grid: EmbeddingGrid, _ pairs: GridPairs, scale: Int, parameters: ParameterSet,
    _ context: Context
  ) -> Tensor {
    let offset = Int32(grid.prefix)
    var x = context.gatherPairs(
      grid.tokens, pairs.first.map { $0 + offset }, pairs.second.map { $0 + offset })
    for (layer, activation) in [(0, Activation.relu), (2, .relu), (4, .none)] {
      let name = "drloc.\(scale).layers.\(layer)"
      x = context.linear(
        x, weight: parameters[name + ".weight"], bias: parameters[name + ".bias"],
        activation: activation)
    }
    return x
  }

  /// The loss of one grid, a tensor of one element.
  public static func loss(
    _ grid: EmbeddingGrid, _ pairs: GridPairs, _ target: DrlocOptions.Target, scale: Int,
    parameters: ParameterSet, _ context: Context
  ) -> Tensor {
    let predicted = predictions(grid, pairs, scale: scale, parameters: parameters, context)
    let count = Float(pairs.first.count)
    return context.l1(
      predicted: predicted, expected: targets(pairs, side: grid.side, target),
      scale: target == .paper ? 1 / count : 1 / (2 * count))
  }
}
