/// Input: the weight.
struct WeightStandardize: Operation {
  static let name = "weight standardization"
  let outputShape: [Int]
  let rows: Int
  let columns: Int
  let eps: Float
  let epsOutside: Bool

  var operands: [Operand] { [Operand("weight", rows * columns)] }

  func forward(_ pass: ForwardPass) {
    pass.backend.weightStandardize(
      y: pass.output, x: pass[0], rows: rows, columns: columns, eps: eps, epsOutside: epsOutside)
  }

  func backward(_ pass: BackwardPass) {
    guard let dx = pass.target(0) else { return }
    pass.backend.weightStandardizeBackward(
      dx: dx, dy: pass.dy, x: pass[0], rows: rows, columns: columns, eps: eps, epsOutside: epsOutside)
  }
}

extension Tape {
  /// A kernel whose outputs each have mean 0 and deviation 1 (Qiao et al., "Micro-Batch Training with
  /// Batch-Channel Normalization and Weight Standardization", 2019).
  /// - Parameters:
  ///   - weight: `[outputs, ...]`.
  ///   - epsOutside: divide by `deviation + eps` rather than `sqrt(variance + eps)`.
  /// - Returns: the shape of `weight`.
  package func weightStandardize(_ weight: Tensor, eps: Float, epsOutside: Bool) -> Tensor {
    let rows = weight.shape[0]
    return apply(
      WeightStandardize(
        outputShape: weight.shape, rows: rows, columns: weight.count / rows, eps: eps, epsOutside: epsOutside),
      [weight])
  }
}
