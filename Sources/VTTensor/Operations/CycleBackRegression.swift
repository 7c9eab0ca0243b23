/// Inputs: logits, labels. Saves the logits' gradient.
struct CycleBackRegression: Operation {
  static let name = "cycle-back regression"
  let rows: Int
  let classes: Int

  var operands: [Operand] { [Operand("logits", rows * classes), Operand("labels", rows, type: .i32)] }
  var outputShape: [Int] { [1] }
  func saved(needsGradient: Bool) -> [Int] { needsGradient ? [rows * classes] : [] }

  func forward(_ pass: ForwardPass) {
    pass.backend.cycleBackRegression(
      loss: pass.output, logits: pass[0], labels: pass[1], rows: rows, classes: classes,
      dlogits: pass.saved.first)
  }

  func backward(_ pass: BackwardPass) { pass.passSavedGradient() }
}

extension Tape {
  /// Mean over rows of `(μ - t)² / σ² + 0.001 log σ²`, where μ and σ² are the mean and the variance (plus
  /// 1e-8) of the class's number under the softmax of the logits: cycle-back regression (Dwibedi et al., CVPR
  /// 2019, section 3.3), with the constants of the drloc reference code.
  /// - Parameters:
  ///   - logits: `[rows, classes]`.
  ///   - labels: `[rows]` int32, t.
  /// - Returns: `[1]`.
  package func cycleBackRegression(logits: Tensor, labels: Tensor) -> Tensor {
    apply(CycleBackRegression(rows: logits.rows, classes: logits.channels), [logits, labels])
  }
}
