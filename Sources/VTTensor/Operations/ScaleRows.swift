/// Inputs: x, one factor per row.
struct ScaleRows: Operation {
  static let name = "scale rows"
  let outputShape: [Int]
  let rows: Int
  let columns: Int

  var operands: [Operand] { [Operand("x", rows * columns), Operand("factors", rows)] }

  func forward(_ pass: ForwardPass) {
    pass.backend.scaleRows(y: pass.output, x: pass[0], factors: pass[1], rows: rows, columns: columns)
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.scaleRowsBackward(
      dy: pass.dy, x: pass[0], factors: pass[1], rows: rows, columns: columns, dx: pass.target(0),
      dfactors: pass.target(1))
  }
}

extension Tape {
  /// Multiplies every row by its own factor: a layer scale (Touvron et al., "Going Deeper with Image
  /// Transformers", ICCV 2021) folded into the weight, or with rows of one element the bias, of the layer
  /// that it follows.
  /// - Parameters:
  ///   - x: `[rows, ...]`.
  ///   - factors: `[rows]`.
  /// - Returns: the shape of `x`.
  package func scaleRows(_ x: Tensor, by factors: Tensor) -> Tensor {
    let rows = factors.count
    precondition(x.shape[0] == rows, "\(x.shape) by \(factors.shape)")
    return apply(ScaleRows(outputShape: x.shape, rows: rows, columns: x.count / rows), [x, factors])
  }
}
