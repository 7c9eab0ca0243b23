/// Inputs: logits, target probabilities. Saves the logits' gradient.
struct BinaryCrossEntropy: Operation {
  static let name = "binary cross-entropy"
  let count: Int

  var operands: [Operand] { [Operand("logits", count), Operand("targets", count)] }
  var outputShape: [Int] { [1] }
  func saved(needsGradient: Bool) -> [Int] { needsGradient ? [count] : [] }

  func forward(_ pass: ForwardPass) {
    pass.backend.binaryCrossEntropy(
      loss: pass.output, logits: pass[0], targets: pass[1], dlogits: pass.saved.first)
  }

  func backward(_ pass: BackwardPass) { pass.passSavedGradient() }
}

extension Tape {
  /// Mean over batch and classes of `-t · log σ(z) - (1 - t) · log(1 - σ(z))`: each class answered by itself (Wightman et
  /// al., 2021).
  /// - Parameters:
  ///   - logits: `[batch, classes]`.
  ///   - targets: `[batch, classes]`, each 0 to 1. No gradient goes there.
  /// - Returns: `[1]`.
  package func binaryCrossEntropy(logits: Tensor, targets: Tensor) -> Tensor {
    apply(BinaryCrossEntropy(count: logits.count), [logits, targets])
  }
}
