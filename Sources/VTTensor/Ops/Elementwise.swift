extension Tape {
  /// `a + scale · b`, elementwise.
  package func add(_ a: Tensor, _ b: Tensor, scale: Float = 1) -> Tensor {
    precondition(a.count == b.count, "\(a.shape) + \(b.shape)")
    let needs = needsTape(a, b)
    let y = output(a.shape, needsGradient: needs)
    let op = operation("add", [a, b], y)
    forward(op) {
      backend.add(y.storage, a.storage, b.storage, scale: scale)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      if b.needsGradient {
        let target = b.gradientToAdd(engine)
        engine.backend.add(target, target, dy, scale: scale)
      }
      if a.needsGradient { a.receiveGradient(dy, engine) }
    }
    return y
  }

  /// `residual + dropPath(x)`.
  /// - Parameters:
  ///   - residual: `[batch, tokens, channels]`.
  ///   - x: the branch, the same shape.
  package func addResidual(_ residual: Tensor, _ x: Tensor, dropPath: DropPath) -> Tensor {
    guard let scales = dropPathScales(dropPath, rows: x.rows) else { return add(residual, x) }
    let needs = needsTape(residual, x)
    let y = output(x.shape, needsGradient: needs)
    let op = operation("add", [residual, x], y)
    forward(op) {
      backend.addRows(y.storage, residual.storage, x.storage, scales: scales)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      if x.needsGradient {
        let target = x.gradientToAdd(engine)
        engine.backend.addRows(target, target, dy, scales: scales)
      }
      if residual.needsGradient { residual.receiveGradient(dy, engine) }
    }
    return y
  }

  /// `factor · x`.
  package func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    let needs = needsTape(x)
    let y = output(x.shape, needsGradient: needs)
    let op = operation("scale", [x], y)
    forward(op) {
      y.storage.floats.update(from: x.storage.floats, count: x.count)
      backend.scale(y.storage, by: factor)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      let target = x.gradientToAdd(engine)
      engine.backend.add(target, target, dy, scale: factor)
    }
    return y
  }

  /// Inverted dropout in training, the identity otherwise (Srivastava et al., JMLR 2014).
  package func dropout(_ x: Tensor, rate: Float) -> Tensor {
    guard training, rate > 0 else { return x }
    let stream = nextStream()
    let key = random
    let needs = needsTape(x)
    let y = output(x.shape, needsGradient: needs)
    let op = operation("dropout", [x], y)
    forward(op) {
      backend.dropout(
        y: y.storage, x: x.storage, rate: rate, key: key, stream: stream, accumulate: false)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient, let target = x.target(engine) else { return }
      // The same numbers make the same mask again.
      engine.backend.dropout(
        y: target.storage, x: dy, rate: rate, key: key, stream: stream,
        accumulate: target.accumulate)
    }
    return y
  }
}
