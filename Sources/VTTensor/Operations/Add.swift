/// Inputs: a, b, a factor of b.
struct Add: Operation {
  static let name = "add"
  let outputShape: [Int]
  /// The factor, if it is the same in every step.
  let scale: Float

  private var count: Int { outputShape.reduce(1, *) }
  var operands: [Operand] {
    [Operand("a", count), Operand("b", count), Operand("factor", 1, isOptional: true)]
  }

  func forward(_ pass: ForwardPass) {
    add(pass.backend, pass.output, pass[0], pass[1], factor: pass.optional(2))
  }

  func backward(_ pass: BackwardPass) {
    if let db = pass.sum(1) { add(pass.backend, db, db, pass.dy, factor: pass.optional(2)) }
    pass.passDy(to: 0)
  }

  private func add(_ backend: any Backend, _ y: Storage, _ a: Storage, _ b: Storage, factor: Storage?) {
    if let factor {
      backend.add(y, a, b, factor: factor)
    } else {
      backend.add(y, a, b, scale: scale)
    }
  }
}

/// Inputs: the residual, the branch, one scale a sample.
struct AddResidual: Operation {
  static let name = "add"
  let outputShape: [Int]
  let samples: Int

  private var count: Int { outputShape.reduce(1, *) }
  var operands: [Operand] { [Operand("residual", count), Operand("x", count), Operand("scales", samples)] }

  func forward(_ pass: ForwardPass) { pass.backend.addRows(pass.output, pass[0], pass[1], scales: pass[2]) }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(1) { pass.backend.addRows(dx, dx, pass.dy, scales: pass[2]) }
    pass.passDy(to: 0)
  }
}

extension Tape {
  /// `a + scale · b`, elementwise.
  public func add(_ a: Tensor, _ b: Tensor, scale: Float = 1) -> Tensor {
    apply(Add(outputShape: a.shape, scale: scale), [a, b, nil])
  }

  /// The same with a factor that may differ from step to step.
  /// - Parameter factor: one element.
  package func add(_ a: Tensor, _ b: Tensor, factor: Tensor) -> Tensor {
    apply(Add(outputShape: a.shape, scale: 1), [a, b, factor])
  }

  /// `residual + dropPath(x)`.
  /// - Parameters:
  ///   - residual: `[batch, tokens, channels]`.
  ///   - x: the branch, the same shape.
  package func addResidual(_ residual: Tensor, _ x: Tensor, dropPath: DropPath) -> Tensor {
    guard let scales = scales(of: dropPath, rows: x.rows) else { return add(residual, x) }
    return apply(AddResidual(outputShape: x.shape, samples: scales.count), [residual, x, scales])
  }
}
