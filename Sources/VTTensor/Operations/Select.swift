/// Input: x.
struct Select: Operation {
  static let name = "select token"
  let tokens: TokenShape
  let index: Int

  var operands: [Operand] { [Operand("x", tokens.count)] }
  var outputShape: [Int] { [tokens.batch, tokens.channels] }

  func forward(_ pass: ForwardPass) { pass.backend.select(tokens, index: index, y: pass.output, x: pass[0]) }

  func backward(_ pass: BackwardPass) {
    if let dx = pass.sum(0) { pass.backend.selectBackward(tokens, index: index, dx: dx, dy: pass.dy) }
  }
}

extension Tape {
  /// Token `index` of every sequence.
  /// - Parameter x: `[batch, tokens, channels]`.
  /// - Returns: `[batch, channels]`.
  public func select(_ x: Tensor, index: Int) -> Tensor {
    let tokens = TokenShape(x)
    precondition(index >= 0 && index < tokens.tokens)
    return apply(Select(tokens: tokens, index: index), [x])
  }
}
