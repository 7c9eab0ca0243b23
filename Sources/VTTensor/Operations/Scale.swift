/// Input: x.
struct Scale: Operation {
  static let name = "scale"
  let outputShape: [Int]
  let factor: Float

  var operands: [Operand] { [Operand("x", outputShape.reduce(1, *))] }

  func forward(_ pass: ForwardPass) { pass.backend.scale(pass.output, pass[0], by: factor) }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) { pass.backend.add(dx, dx, pass.dy, scale: factor) }
  }
}

extension Tape {
  /// `factor · x`.
  package func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    apply(Scale(outputShape: x.shape, factor: factor), [x])
  }
}
