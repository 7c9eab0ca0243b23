/// Input: x.
struct SliceTokens: Operation {
  static let name = "slice"
  let shape: SliceShape

  var operands: [Operand] { [Operand("x", shape.batch * shape.tokens * shape.channels)] }
  var outputShape: [Int] { [shape.batch, shape.count, shape.width] }

  func forward(_ pass: ForwardPass) { pass.backend.slice(shape, y: pass.output, x: pass[0]) }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) { pass.backend.sliceBackward(shape, dx: dx, dy: pass.dy) }
  }
}

extension Tape {
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
    return apply(SliceTokens(shape: shape), [x])
  }
}
