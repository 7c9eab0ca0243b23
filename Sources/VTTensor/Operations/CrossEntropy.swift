/// Inputs: logits, labels. Saves the logits' gradient.
struct CrossEntropy: Operation {
  static let name = "cross-entropy"
  let rows: Int
  let classes: Int
  let smoothing: Float

  var operands: [Operand] { [Operand("logits", rows * classes), Operand("labels", rows, type: .i32)] }
  var outputShape: [Int] { [1] }
  func saved(needsGradient: Bool) -> [Int] { needsGradient ? [rows * classes] : [] }

  func forward(_ pass: ForwardPass) {
    pass.backend.crossEntropy(
      loss: pass.output, logits: pass[0], labels: pass[1], rows: rows, classes: classes, smoothing: smoothing,
      dlogits: pass.saved.first)
  }

  func backward(_ pass: BackwardPass) { pass.passSavedGradient() }
}

extension BackwardPass {
  /// The backward pass of a loss, whose forward pass saved its gradient for `dy = 1`.
  func passSavedGradient() {
    backend.scale(saved[0], by: dy)
    pass(saved[0], to: 0)
  }
}

extension Tape {
  /// Mean over the batch of `(1 - s) · nll + s · mean over classes of -log p` (Szegedy et al., 2016).
  /// - Parameters:
  ///   - logits: `[batch, classes]`.
  ///   - labels: `[batch]` int32, in `0..<classes`.
  /// - Returns: `[1]`.
  package func crossEntropy(logits: Tensor, labels: Tensor, smoothing: Float = 0) -> Tensor {
    apply(
      CrossEntropy(rows: logits.rows, classes: logits.channels, smoothing: smoothing), [logits, labels])
  }
}
