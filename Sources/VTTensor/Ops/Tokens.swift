extension Tape {
  /// Token `index` of every sequence.
  /// - Parameter x: `[batch, tokens, channels]`.
  /// - Returns: `[batch, channels]`.
  package func select(_ x: Tensor, index: Int) -> Tensor {
    let (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
    precondition(index >= 0 && index < tokens)
    let needs = needsTape(x)
    let y = output([batch, channels], needsGradient: needs)
    let op = operation("select token", [x], y)
    forward(op) {
      backend.select(
        y: y.storage, x: x.storage, index: index, batch: batch, tokens: tokens, channels: channels)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.selectTokenBackward(
        dx: x.gradientToAdd(engine), dy: dy, index: index, batch: batch, tokens: tokens,
        channels: channels)
    }
    return y
  }

  /// The mean of the tokens from `first` on.
  /// - Parameter x: `[batch, tokens, channels]`.
  /// - Returns: `[batch, channels]`.
  package func meanPool(_ x: Tensor, first: Int) -> Tensor {
    let (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
    precondition(first >= 0 && first < tokens)
    let needs = needsTape(x)
    let y = output([batch, channels], needsGradient: needs)
    let op = operation("mean of tokens", [x], y)
    forward(op) {
      backend.meanPool(
        y: y.storage, x: x.storage, first: first, batch: batch, tokens: tokens, channels: channels)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.meanTokensBackward(
        dx: x.gradientToAdd(engine), dy: dy, first: first, batch: batch, tokens: tokens,
        channels: channels)
    }
    return y
  }

  /// Tokens one behind the other.
  /// - Parameters:
  ///   - a: `[batch or 1, prefix, channels]`; one set stands in front of every sequence.
  ///   - b: `[batch, tokens, channels]`.
  /// - Returns: `[batch, prefix + tokens, channels]`.
  package func concatenate(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (batch, tokens, channels) = (b.shape[0], b.shape[1], b.channels)
    let prefix = a.shape[1]
    precondition(a.channels == channels && (a.shape[0] == batch || a.shape[0] == 1))
    let sharesA = a.shape[0] == 1 && batch != 1
    let needs = needsTape(a, b)
    let y = output([batch, prefix + tokens, channels], needsGradient: needs)
    let op = operation("join tokens", [a, b], y)
    forward(op) {
      backend.concatenate(
        y: y.storage, a: a.storage, sharesA: sharesA, b: b.storage, batch: batch, prefix: prefix,
        tokens: tokens, channels: channels)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.joinTokensBackward(
        dy: dy, da: a.target(engine), sharesA: sharesA, db: b.target(engine), batch: batch,
        prefix: prefix, tokens: tokens, channels: channels)
    }
    return y
  }

  /// One set of tokens, copied for every image.
  /// - Parameter x: `[1, tokens, channels]`.
  /// - Returns: `[batch, tokens, channels]`.
  package func expand(_ x: Tensor, batch: Int) -> Tensor {
    let (tokens, channels) = (x.shape[1], x.channels)
    precondition(x.shape[0] == 1)
    let needs = needsTape(x)
    let y = output([batch, tokens, channels], needsGradient: needs)
    let op = operation("repeat tokens", [x], y)
    forward(op) {
      backend.concatenate(
        y: y.storage, a: x.storage, sharesA: true, b: x.storage, batch: batch, prefix: tokens, tokens: 0,
        channels: channels)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.joinTokensBackward(
        dy: dy, da: x.target(engine), sharesA: true, db: nil, batch: batch, prefix: tokens, tokens: 0,
        channels: channels)
    }
    return y
  }

  /// A block of tokens and channels, copied.
  /// - Parameters:
  ///   - x: `[batch, tokens, channels]`.
  ///   - tokens: which of the tokens; nil for all.
  ///   - channels: which of the channels; nil for all.
  package func slice(_ x: Tensor, tokens: Range<Int>? = nil, channels: Range<Int>? = nil) -> Tensor {
    let (t, c) = (tokens ?? 0..<x.shape[1], channels ?? 0..<x.channels)
    precondition(x.shape.count == 3 && t.upperBound <= x.shape[1] && c.upperBound <= x.channels)
    let shape = SliceShape(
      batch: x.shape[0], tokens: x.shape[1], channels: x.channels, first: t.lowerBound,
      count: t.count, channel: c.lowerBound, width: c.count)
    let needs = needsTape(x)
    let y = output([shape.batch, t.count, c.count], needsGradient: needs)
    let op = operation("slice", [x], y)
    forward(op) {
      backend.slice(shape, y: y.storage, x: x.storage)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.sliceBackward(shape, dx: x.gradientToAdd(engine), dy: dy)
    }
    return y
  }

  /// `x + table`, the table the same for every sequence.
  /// - Parameters:
  ///   - x: `[batch, tokens, channels]`.
  ///   - table: `[1, tokens, channels]`.
  package func addPositions(_ x: Tensor, _ table: Tensor) -> Tensor {
    precondition(x.count == table.count * x.shape[0], "\(x.shape) + \(table.shape)")
    let batch = x.shape[0]
    let needs = needsTape(x, table)
    let y = output(x.shape, needsGradient: needs)
    let op = operation("add table", [x, table], y)
    forward(op) {
      backend.addPositions(y: y.storage, x: x.storage, table: table.storage, batch: batch)
    }
    guard needs else { return y }
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      if let target = table.target(engine) {
        engine.backend.addTableBackward(dtable: target, dy: dy, batch: batch)
      }
      if x.needsGradient { x.receiveGradient(dy, engine) }
    }
    return y
  }
}
