/// Inputs: x, the table.
struct AddPositions: Operation {
  static let name = "add table"
  let outputShape: [Int]
  let batch: Int
  let count: Int

  var operands: [Operand] { [Operand("x", batch * count), Operand("table", count)] }

  func forward(_ pass: ForwardPass) {
    pass.backend.addPositions(y: pass.output, x: pass[0], table: pass[1], batch: batch)
  }

  func backward(_ pass: BackwardPass) {
    if let dtable = pass.target(1) {
      pass.backend.addPositionsBackward(dtable: dtable, dy: pass.dy, batch: batch)
    }
    pass.passDy(to: 0)
  }
}

extension Tape {
  /// `x + table`, the table the same for every sequence.
  /// - Parameters:
  ///   - x: `[batch, tokens, channels]`.
  ///   - table: `[1, tokens, channels]`.
  public func addPositions(_ x: Tensor, _ table: Tensor) -> Tensor {
    apply(AddPositions(outputShape: x.shape, batch: x.shape[0], count: table.count), [x, table])
  }
}
