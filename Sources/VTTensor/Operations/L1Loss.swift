/// Inputs: the prediction, the target. Saves the prediction's gradient.
struct L1Loss: Operation {
  static let name = "l1"
  let count: Int
  let scale: Float

  var operands: [Operand] { [Operand("predicted", count), Operand("expected", count)] }
  var outputShape: [Int] { [1] }
  func saved(needsGradient: Bool) -> [Int] { needsGradient ? [count] : [] }

  func forward(_ pass: ForwardPass) {
    pass.backend.l1(
      loss: pass.output, prediction: pass[0], target: pass[1], scale: scale, dprediction: pass.saved.first)
  }

  func backward(_ pass: BackwardPass) { pass.passSavedGradient() }
}

extension Tape {
  /// `scale · Σ |predicted - expected|`.
  /// - Parameters:
  ///   - predicted: any shape.
  ///   - expected: as many elements.
  /// - Returns: `[1]`.
  package func l1(predicted: Tensor, expected: Tensor, scale: Float) -> Tensor {
    apply(L1Loss(count: predicted.count, scale: scale), [predicted, expected])
  }
}
