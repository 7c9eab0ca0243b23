extension Context {
  /// Token `index` of every sequence.
  /// - Parameter x: `[batch, tokens, channels]`.
  /// - Returns: `[batch, channels]`.
  public func selectToken(_ x: Tensor, index: Int) -> Tensor {
    let (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
    precondition(index >= 0 && index < tokens)
    let needs = needsTape(x)
    let y = output([batch, channels], needsGradient: needs)
    backend.selectToken(
      y: y.storage, x: x.storage, index: index, batch: batch, tokens: tokens, channels: channels)
    guard needs else { return y }
    record { [engine] in
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
  public func meanTokens(_ x: Tensor, first: Int) -> Tensor {
    let (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
    precondition(first >= 0 && first < tokens)
    let needs = needsTape(x)
    let y = output([batch, channels], needsGradient: needs)
    backend.meanTokens(
      y: y.storage, x: x.storage, first: first, batch: batch, tokens: tokens, channels: channels)
    guard needs else { return y }
    record { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.meanTokensBackward(
        dx: x.gradientToAdd(engine), dy: dy, first: first, batch: batch, tokens: tokens,
        channels: channels)
    }
    return y
  }

  /// Pairs of tokens side by side, as the dense relative localization head reads them.
  /// - Parameters:
  ///   - x: `[batch, tokens, channels]`.
  ///   - a: first token of each pair, `[batch * pairs]`, in `0..<tokens`.
  ///   - b: second token of each pair.
  /// - Returns: `[batch * pairs, 2 * channels]`.
  public func gatherPairs(_ x: Tensor, _ a: [Int32], _ b: [Int32]) -> Tensor {
    let (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
    precondition(a.count == b.count && a.count % batch == 0)
    precondition((a + b).allSatisfy { $0 >= 0 && $0 < tokens })
    let needs = needsTape(x)
    let y = output([a.count, 2 * channels], needsGradient: needs)
    backend.gatherPairs(
      out: y.storage, x: x.storage, a: a, b: b, batch: batch, tokens: tokens, channels: channels)
    guard needs else { return y }
    record { [engine] in
      guard let dy = y.gradient else { return }
      engine.backend.gatherPairsBackward(
        dx: x.gradientToAdd(engine), dout: dy, a: a, b: b, batch: batch, tokens: tokens,
        channels: channels)
    }
    return y
  }
}
