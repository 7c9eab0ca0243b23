import VTCore

/// Computes nothing, and counts the memory that a device would hold: what a step needs is known before anything is
/// allocated. What kernels take for themselves while they run is not in it.
package final class MeasuringBackend: Backend {
  package let holdsNumbers = false
  /// Bytes of all storages that are alive.
  package private(set) var bytes = 0
  /// The most that were alive at once.
  package private(set) var peakBytes = 0
  /// Storages that were allocated so far, freed or not.
  private(set) var allocations = 0

  package init() {}

  package func allocate(_ count: Int, _ type: ElementType) -> Storage {
    MeasuredStorage(type, count: count, counter: self)
  }

  fileprivate func take(_ count: Int) -> Int {
    allocations += 1
    bytes += count
    peakBytes = max(peakBytes, bytes)
    return allocations
  }

  fileprivate func release(_ count: Int) { bytes -= count }

  package func fill(_ x: Storage, with value: Float) {}
  package func write(_ numbers: UnsafeRawBufferPointer, to x: Storage) {}
  /// Zeros.
  package func read(_ x: Storage, into numbers: UnsafeMutableRawBufferPointer) {
    numbers.initializeMemory(as: UInt8.self, repeating: 0)
  }

  package func add(_ y: Storage, _ a: Storage, _ b: Storage, scale: Float) {}
  package func add(_ y: Storage, _ a: Storage, _ b: Storage, factor: Storage) {}
  package func addRows(_ y: Storage, _ a: Storage, _ b: Storage, scales: Storage) {}
  package func scale(_ y: Storage, _ x: Storage, by factor: Float) {}
  package func scale(_ x: Storage, by factor: Storage) {}
  package func scaleRows(y: Storage, x: Storage, factors: Storage, rows: Int, columns: Int) {}
  package func scaleRowsBackward(
    dy: Storage, x: Storage, factors: Storage, rows: Int, columns: Int, dx: GradientTarget?,
    dfactors: GradientTarget?
  ) {}
  package func dropout(y: GradientTarget, x: Storage, rate: Float, key: Storage, stream: UInt64) {}

  package func linearForward(
    _ shape: LinearShape, y: Storage, preActivation: Storage?, x: Storage, linear: LinearValues,
    activation: Activation, residual: Storage?, scales: RowScales
  ) {}
  package func linearBackward(
    _ shape: LinearShape, dy: Storage, preActivation: Storage?, x: Storage, weight: Storage,
    activation: Activation, scales: RowScales, keepsDy: Bool, dx: GradientTarget?, dlinear: LinearTarget
  ) {}
  package func normLinearForward(
    _ shape: LinearShape, y: Storage, x: Storage, norm: NormState, linear: LinearValues
  ) {}
  package func normLinearBackward(
    _ shape: LinearShape, dy: Storage, x: Storage, norm: NormState, linear: LinearValues,
    dx: GradientTarget?, dnorm: NormTarget, dlinear: LinearTarget
  ) {}
  package func mlpForward(
    _ shape: MLPShape, y: Storage, preActivation: Storage?, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales
  ) {}
  package func mlpBackward(
    _ shape: MLPShape, dy: Storage, preActivation: Storage, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales, dx: GradientTarget?,
    dnorm: NormTarget, dfirst: LinearTarget, dsecond: LinearTarget
  ) {}

  package func attentionForward(
    _ shape: AttentionShape, out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView
  ) {}
  package func attentionBackward(
    _ shape: AttentionShape, dq: RowTarget, dk: RowTarget, dv: RowTarget, dout: Storage,
    out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView
  ) {}
  package func windowAttentionForward(
    _ shape: WindowShape, out: Storage, lse: Storage, qkv: Storage, table: Storage?, padding: Storage?
  ) {}
  package func windowAttentionBackward(
    _ shape: WindowShape, dqkv: GradientTarget, dtable: GradientTarget?, dpadding: GradientTarget?,
    dout: Storage, out: Storage, lse: Storage, qkv: Storage, table: Storage?, padding: Storage?
  ) {}
  package func performerForward(_ shape: PerformerShape, out: Storage, kqv: Storage, w: Storage) {}
  package func performerBackward(
    _ shape: PerformerShape, dkqv: GradientTarget, dout: Storage, kqv: Storage, w: Storage
  ) {}

  package func patchEmbeddingForward(
    _ shape: PatchShape, tokens: Storage, columns: Storage, images: Storage, linear: LinearValues,
    prefixTokens: [Storage], position: Storage?
  ) {}
  package func patchEmbeddingBackward(
    _ shape: PatchShape, dtokens: Storage, columns: Storage, dlinear: LinearTarget,
    dprefix: [GradientTarget?], dposition: GradientTarget?
  ) {}
  package func select(_ shape: TokenShape, index: Int, y: Storage, x: Storage) {}
  package func selectBackward(_ shape: TokenShape, index: Int, dx: Storage, dy: Storage) {}
  package func meanPool(_ shape: TokenShape, first: Int, y: Storage, x: Storage) {}
  package func meanPoolBackward(_ shape: TokenShape, first: Int, dx: Storage, dy: Storage) {}
  package func gatherPairsLinearForward(
    _ shape: PairShape, y: Storage, x: Storage, linear: LinearValues, first: Storage, second: Storage
  ) {}
  package func gatherPairsLinearBackward(
    _ shape: PairShape, dy: Storage, y: Storage, x: Storage, weight: Storage, first: Storage, second: Storage,
    dx: Storage?, dlinear: LinearTarget
  ) {}
  package func concatenate(_ shape: ConcatenateShape, y: Storage, front: Storage, rest: Storage?) {}
  package func concatenateBackward(
    _ shape: ConcatenateShape, dy: Storage, dfront: GradientTarget?, drest: GradientTarget?
  ) {}
  package func slice(_ shape: SliceShape, y: Storage, x: Storage) {}
  package func sliceBackward(_ shape: SliceShape, dx: Storage, dy: Storage) {}
  package func addPositions(y: Storage, x: Storage, table: Storage, batch: Int) {}
  package func addPositionsBackward(dtable: GradientTarget, dy: Storage, batch: Int) {}

  package func convolutionForward(
    _ g: ConvolutionGeometry, outputs: Int, y: Storage, x: Storage, linear: LinearValues,
    findsMoments: Bool
  ) -> PartialMoments? { nil }
  package func convolutionBackward(
    _ g: ConvolutionGeometry, outputs: Int, dy: Storage, x: Storage, weight: Storage,
    dx: GradientTarget?, dlinear: LinearTarget
  ) {}
  package func depthwiseForward(_ g: ConvolutionGeometry, y: Storage, x: Storage, weight: Storage) {}
  package func depthwiseBackward(
    _ g: ConvolutionGeometry, dy: Storage, x: Storage, weight: Storage, dx: GradientTarget?,
    dweight: GradientTarget?
  ) {}
  package func unfoldForward(_ g: ConvolutionGeometry, y: Storage, x: Storage) {}
  package func unfoldBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage) {}
  package func maxPoolForward(_ g: ConvolutionGeometry, y: Storage, which: Storage, x: Storage) {}
  package func maxPoolBackward(_ g: ConvolutionGeometry, dx: Storage, dy: Storage, which: Storage) {}
  package func averagePoolForward(_ g: ConvolutionGeometry, prefix: Int, y: Storage, x: Storage) {}
  package func averagePoolBackward(_ g: ConvolutionGeometry, prefix: Int, dx: Storage, dy: Storage) {}
  package func mergePatchesForward(_ shape: MergeShape, y: Storage, x: Storage) {}
  package func mergePatchesBackward(_ shape: MergeShape, dx: Storage, dy: Storage) {}

  package func layerNormForward(
    y: Storage, mean: Storage, rstd: Storage, x: Storage, gamma: Storage, beta: Storage,
    rows: Int, channels: Int, eps: Float, epsOutside: Bool
  ) {}
  package func layerNormBackward(
    dy: Storage, x: Storage, mean: Storage, rstd: Storage, gamma: Storage, rows: Int,
    channels: Int, outerEps: Float, dx: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?
  ) {}

  package func channelMoments(mean: Storage, variance: Storage, x: Storage, rows: Int, channels: Int) {}
  package func mergeMoments(mean: Storage, variance: Storage, _ blocks: PartialMoments) {}
  package func moveRunningMoments(
    mean: Storage, variance: Storage, batchMean: Storage, batchVariance: Storage, rows: Int, momentum: Float
  ) {}
  package func batchNormFactors(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, mean: Storage, variance: Storage, gamma: Storage,
    beta: Storage, eps: Float
  ) {}
  package func channelAffine(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, y: Storage, x: Storage, residual: Storage?,
    relu: Bool
  ) {}
  package func batchNormBackward(
    _ shape: BatchNormShape, _ factors: BatchNormFactors, dy: Storage, gate: ReLUGate, x: Storage,
    mean: Storage, gamma: Storage, dx: GradientTarget?, dresidual: GradientTarget?, dgamma: GradientTarget?,
    dbeta: GradientTarget?
  ) {}

  package func groupMoments(
    _ shape: GroupNormShape, _ factors: GroupNormFactors, x: Storage, gamma: Storage, beta: Storage,
    eps: Float
  ) {}
  package func groupAffine(
    _ shape: GroupNormShape, _ factors: GroupNormFactors, y: Storage, x: Storage, residual: Storage?,
    relu: Bool
  ) {}
  package func groupNormBackward(
    _ shape: GroupNormShape, _ factors: GroupNormFactors, dy: Storage, relu: Bool, output: Storage?,
    x: Storage, gamma: Storage, dx: GradientTarget?, dresidual: GradientTarget?,
    dgamma: GradientTarget?, dbeta: GradientTarget?
  ) {}
  package func weightStandardize(
    y: Storage, x: Storage, rows: Int, columns: Int, eps: Float, epsOutside: Bool
  ) {}
  package func weightStandardizeBackward(
    dx: GradientTarget, dy: Storage, x: Storage, rows: Int, columns: Int, eps: Float, epsOutside: Bool
  ) {}

  package func crossEntropy(
    loss: Storage, logits: Storage, labels: Storage, rows: Int, classes: Int, smoothing: Float,
    dlogits: Storage?
  ) {}
  package func crossEntropy(
    loss: Storage, logits: Storage, targets: Storage, rows: Int, classes: Int, dlogits: Storage?
  ) {}
  package func binaryCrossEntropy(loss: Storage, logits: Storage, targets: Storage, dlogits: Storage?) {}
  package func cycleBackRegression(
    loss: Storage, logits: Storage, labels: Storage, rows: Int, classes: Int, dlogits: Storage?
  ) {}
  package func l1(loss: Storage, prediction: Storage, target: Storage, scale: Float, dprediction: Storage?) {}

  package func addSumOfSquares(_ x: Storage, to total: Storage) {}
  package func finishGradientNorm(_ scalars: StepScalars, loss: Storage, clipNorm: Double?) {}
  package func adamW(
    parameter: Storage, firstMoment: Storage, secondMoment: Storage, gradient: Storage,
    _ settings: AdamWSettings, _ scalars: StepScalars, corrections: Storage
  ) {}
  package func sgd(
    parameter: Storage, momentumBuffer: Storage, gradient: Storage, _ settings: SGDSettings,
    _ scalars: StepScalars
  ) {}
  package func lion(
    parameter: Storage, momentum: Storage, gradient: Storage, _ settings: LionSettings,
    _ scalars: StepScalars
  ) {}
}

final class MeasuredStorage: Storage {
  private let counter: MeasuringBackend
  /// Counted from 1 in the order of allocation.
  private(set) var number = 0

  init(_ type: ElementType, count: Int, counter: MeasuringBackend) {
    self.counter = counter
    super.init(type, count: count, backend: counter)
    number = counter.take(byteCount)
  }

  deinit { counter.release(byteCount) }
}
