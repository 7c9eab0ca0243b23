/// Inputs: x, the words of the pass's random key.
struct Dropout: Operation {
  static let name = "dropout"
  let outputShape: [Int]
  let rate: Float
  /// Distinguishes the random operations of a pass.
  let stream: UInt64

  var operands: [Operand] { [Operand("x", outputShape.reduce(1, *)), Operand("key", 2, type: .u32)] }

  func forward(_ pass: ForwardPass) {
    pass.backend.dropout(
      y: GradientTarget(storage: pass.output, accumulate: false), x: pass[0], rate: rate, key: pass[1],
      stream: stream)
  }

  func backward(_ pass: BackwardPass) {
    guard let dx = pass.target(0) else { return }
    // The same stream gives the same mask again.
    pass.backend.dropout(y: dx, x: pass.dy, rate: rate, key: pass[1], stream: stream)
  }
}

extension Tape {
  /// Inverted dropout in training, the identity otherwise (Srivastava et al., JMLR 2014).
  public func dropout(_ x: Tensor, rate: Float) -> Tensor {
    guard training, rate > 0 else { return x }
    return apply(Dropout(outputShape: x.shape, rate: rate, stream: nextStream()), [x, randomWords])
  }
}
