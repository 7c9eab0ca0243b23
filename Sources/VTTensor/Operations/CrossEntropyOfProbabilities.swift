/// Inputs: logits, target probabilities. Saves the logits' gradient.
struct CrossEntropyOfProbabilities: Operation {
  static let name = "cross-entropy of probabilities"
  let rows: Int
  let classes: Int

  var operands: [Operand] { [Operand("logits", rows * classes), Operand("targets", rows * classes)] }
  var outputShape: [Int] { [1] }
  func saved(needsGradient: Bool) -> [Int] { needsGradient ? [rows * classes] : [] }

  func forward(_ pass: ForwardPass) {
    pass.backend.crossEntropy(
      loss: pass.output, logits: pass[0], targets: pass[1], rows: rows, classes: classes,
      dlogits: pass.saved.first)
  }

  func backward(_ pass: BackwardPass) { pass.passSavedGradient() }
}

extension Tape {
  /// Mean over the batch of `-Σ target · log p`: for images of several classes (mixup) and for teachers (Hinton et al.,
  /// 2015).
  /// - Parameters:
  ///   - logits: `[batch, classes]`.
  ///   - targets: `[batch, classes]`. A row whose sum is not 1 counts by its sum. No gradient goes there.
  /// - Returns: `[1]`.
  package func crossEntropy(logits: Tensor, targets: Tensor) -> Tensor {
    apply(CrossEntropyOfProbabilities(rows: logits.rows, classes: logits.channels), [logits, targets])
  }
}
