import CKernels
import VTCore

/// What an activation does to each number; see `vt_activation` for the formulas.
package enum Activation: String, Sendable, CaseIterable {
  case none
  case gelu
  case geluTanh = "gelu_tanh"
  case quickGELU = "quick_gelu"
  case relu
  case tanh

  var kernel: vt_activation {
    switch self {
    case .none: VT_ACTIVATION_NONE
    case .gelu: VT_ACTIVATION_GELU
    case .geluTanh: VT_ACTIVATION_GELU_TANH
    case .quickGELU: VT_ACTIVATION_QUICK_GELU
    case .relu: VT_ACTIVATION_RELU
    case .tanh: VT_ACTIVATION_TANH
    }
  }
}

/// Sizes of a linear layer: `x [rows, inputs]`, `weight [outputs, inputs]`, `y [rows, outputs]`.
package struct LinearShape: Sendable {
  package let rows: Int
  package let inputs: Int
  package let outputs: Int
}

/// Sizes of a patch embedding. `prefix` tokens stand in front of the `grid * grid` patches.
package struct PatchShape: Sendable {
  package let batch: Int
  package let height: Int
  package let width: Int
  package let inChannels: Int
  package let patch: Int
  package let prefix: Int
  package let channels: Int
  var patches: Int { (height / patch) * (width / patch) }
  var tokens: Int { prefix + patches }
  var patchLength: Int { inChannels * patch * patch }
}

/// A block of tokens and channels.
package struct SliceShape: Sendable {
  package let batch: Int
  package let tokens: Int
  package let channels: Int
  package let first: Int
  package let count: Int
  package let channel: Int
  package let width: Int
}

/// The seam between operations and a device: everything that touches numbers. Each gradient adds
/// to its target where `accumulate` says so. Implementations give the same bits for any number
/// of threads.
package protocol Backend: AttentionBackend, ConvolutionBackend, BatchNormBackend, GroupNormBackend,
  MLPBackend
{
  var device: Device { get }

  /// `y = act(x weightᵀ + bias) `, then `y = residual + rowScale ⊙ y`. `preActivation` receives the value
  /// before the activation where given; `rowScale` has one number per `rowsPerScale` rows.
  func linearForward(
    _ shape: LinearShape, y: Storage, preActivation: Storage?, x: Storage, weight: Storage, bias: Storage?,
    activation: Activation, residual: Storage?, rowScale: [Float]?, rowsPerScale: Int)

  /// From `dy`, which it may overwrite, the gradients of `x`, `weight` and `bias`.
  func linearBackward(
    _ shape: LinearShape, dy: Storage, preActivation: Storage?, x: Storage, weight: Storage,
    activation: Activation, rowScale: [Float]?, rowsPerScale: Int, keepsDy: Bool,
    dx: GradientTarget?, dweight: GradientTarget?, dbias: GradientTarget?)

  /// `y [rows, columns] = factors [rows] ⊙ x`.
  func scaleRows(y: Storage, x: Storage, factors: Storage, rows: Int, columns: Int)
  func scaleRowsBackward(
    dy: Storage, x: Storage, factors: Storage, rows: Int, columns: Int, dx: GradientTarget?,
    dfactors: GradientTarget?)

  func layerNormForward(
    y: Storage, mean: Storage, rstd: Storage, x: Storage, gamma: Storage, beta: Storage,
    rows: Int, channels: Int, eps: Float, epsOutside: Bool)
  func layerNormBackward(
    dy: Storage, x: Storage, mean: Storage, rstd: Storage, gamma: Storage, rows: Int,
    channels: Int, outerEps: Float, dx: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?)

  /// `tokens = [prefix tokens; patches · weightᵀ + bias] + position`.
  func patchEmbeddingForward(
    _ shape: PatchShape, tokens: Storage, columns: Storage, images: Storage, weight: Storage,
    bias: Storage, prefixTokens: [Storage], position: Storage?)
  func patchEmbeddingBackward(
    _ shape: PatchShape, dtokens: Storage, columns: Storage, dweight: GradientTarget?,
    dbias: GradientTarget?, dprefix: [GradientTarget?], dposition: GradientTarget?)

  /// Copies token `index` of every `x [batch, tokens, channels]` to `y [batch, channels]`.
  func select(y: Storage, x: Storage, index: Int, batch: Int, tokens: Int, channels: Int)
  /// `dx[:, index, :] += dy`.
  func selectTokenBackward(
    dx: Storage, dy: Storage, index: Int, batch: Int, tokens: Int, channels: Int)
  /// `y [batch, channels]`, the mean of the tokens from `first` on.
  func meanPool(y: Storage, x: Storage, first: Int, batch: Int, tokens: Int, channels: Int)
  func meanTokensBackward(
    dx: Storage, dy: Storage, first: Int, batch: Int, tokens: Int, channels: Int)

  /// See `Tape.gatherPairsLinear`; `y [pairs, outputs]`, `sides` the first and the second tokens.
  func pairLinearForward(
    _ shape: PairShape, _ sides: [PairSide], y: Storage, x: Storage, weight: Storage, bias: Storage)
  /// Adds to `dx`.
  func pairLinearBackward(
    _ shape: PairShape, _ sides: [PairSide], dy: Storage, y: Storage, x: Storage, weight: Storage,
    dx: Storage?, dweight: GradientTarget?, dbias: GradientTarget?)

  /// `y [batch, prefix + tokens, channels]`: `prefix` tokens of `a` (one set for all, or one an image), then `b`'s.
  func concatenate(
    y: Storage, a: Storage, sharesA: Bool, b: Storage, batch: Int, prefix: Int, tokens: Int,
    channels: Int)
  func joinTokensBackward(
    dy: Storage, da: GradientTarget?, sharesA: Bool, db: GradientTarget?, batch: Int, prefix: Int,
    tokens: Int, channels: Int)
  /// A block of `x [batch, tokens, channels]`: `count` tokens from `first` on, `width` channels from `channel` on.
  func slice(_ shape: SliceShape, y: Storage, x: Storage)
  /// `dx`'s block `+= dy`.
  func sliceBackward(_ shape: SliceShape, dx: Storage, dy: Storage)
  /// `y = x + table`, for each of the batch.
  func addPositions(y: Storage, x: Storage, table: Storage, batch: Int)
  func addTableBackward(dtable: GradientTarget, dy: Storage, batch: Int)

  /// Mean over rows of the smoothed cross-entropy; `dlogits` receives its gradient where given.
  func crossEntropy(
    logits: Storage, labels: [Int32], classes: Int, smoothing: Float, dlogits: Storage?
  ) -> Float
  /// See `Tape.cycleBackRegression`; `dlogits` receives the gradient where given.
  func cycleBackRegression(
    logits: Storage, labels: [Int32], classes: Int, dlogits: Storage?
  ) -> Float
  /// `scale * Σ |prediction - target|`; `dprediction` receives its gradient where given.
  func l1(prediction: Storage, target: [Float], scale: Float, dprediction: Storage?) -> Float

  /// `y = a + scale * b`; `y` may be either.
  func add(_ y: Storage, _ a: Storage, _ b: Storage, scale: Float)
  /// `y = a + scales ⊙ b`, one scale for every `b.count / scales.count` numbers.
  func addRows(
    _ y: Storage, _ a: Storage, _ b: Storage, scales: [Float])
  func scale(_ x: Storage, by factor: Float)
  /// Inverted dropout; the mask is a function of `key` and `stream`.
  func dropout(
    y: Storage, x: Storage, rate: Float, key: RandomKey, stream: UInt64, accumulate: Bool)

  /// Σ x², in double, in a fixed order.
  func sumOfSquares(_ x: Storage) -> Double
  func adamW(
    parameter: Storage, firstMoment: Storage, secondMoment: Storage, gradient: Storage,
    step: AdamWStep)
}

/// Where a gradient goes.
package struct GradientTarget {
  package let storage: Storage
  package let accumulate: Bool
}

/// The numbers of one AdamW update (Loshchilov and Hutter, ICLR 2019).
package struct AdamWStep: Sendable {
  package var learningRate: Float
  package var weightDecay: Float
  package var beta1: Float
  package var beta2: Float
  package var eps: Float
  /// `1 - beta1^t`, `1 - beta2^t`.
  package var correction1: Float
  package var correction2: Float
  /// Multiplies the gradient first: 1, or what clipping by norm asks.
  package var gradientScale: Float

  package init(
    learningRate: Float, weightDecay: Float, beta1: Float, beta2: Float, eps: Float,
    correction1: Float, correction2: Float, gradientScale: Float
  ) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.beta1 = beta1
    self.beta2 = beta2
    self.eps = eps
    self.correction1 = correction1
    self.correction2 = correction2
    self.gradientScale = gradientScale
  }
}
