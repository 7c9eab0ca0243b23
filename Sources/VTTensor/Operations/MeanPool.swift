/// Input: x.
struct MeanPool: Operation {
  static let name = "mean of tokens"
  let tokens: TokenShape
  /// The first token of the mean.
  let first: Int

  var operands: [Operand] { [Operand("x", tokens.count)] }
  var outputShape: [Int] { [tokens.batch, tokens.channels] }

  func forward(_ pass: ForwardPass) {
    pass.backend.meanPool(tokens, first: first, y: pass.output, x: pass[0])
  }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) { pass.backend.meanPoolBackward(tokens, first: first, dx: dx, dy: pass.dy) }
  }
}

extension Tape {
  /// The mean of the tokens from `first` on.
  /// - Parameter x: `[batch, tokens, channels]`.
  /// - Returns: `[batch, channels]`.
  public func meanPool(_ x: Tensor, first: Int) -> Tensor {
    let tokens = TokenShape(x)
    precondition(first >= 0 && first < tokens.tokens)
    return apply(MeanPool(tokens: tokens, first: first), [x])
  }
}
