extension Tape {
  /// Every row times its own factor: a layer scale (Touvron et al., "Going Deeper with Image Transformers", ICCV 2021)
  /// brought into the weight, or with rows of one number the bias, of the layer that it follows.
  /// - Parameters:
  ///   - x: `[rows, ...]`.
  ///   - factors: `[rows]`.
  /// - Returns: the shape of `x`.
  package func scaleRows(_ x: Tensor, by factors: Tensor) -> Tensor {
    let rows = factors.count
    precondition(x.shape[0] == rows, "\(x.shape) by \(factors.shape)")
    let columns = x.count / rows
    let needs = needsTape(x, factors)
    let y = output(x.shape, needsGradient: needs)
    let op = operation("scale rows", [x, factors], y)
    forward(op) {
      backend.scaleRows(y: y.storage, x: x.storage, factors: factors.storage, rows: rows, columns: columns)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.scaleRowsBackward(
        dy: dy, x: x.storage, factors: factors.storage, rows: rows, columns: columns,
        dx: x.target(engine), dfactors: factors.target(engine))
    }
    return y
  }
}
