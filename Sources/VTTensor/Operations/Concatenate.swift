/// Inputs: the tokens in front, the tokens after them.
struct Concatenate: Operation {
  static let name = "join tokens"
  let shape: ConcatenateShape

  var operands: [Operand] {
    [
      Operand("front", (shape.sharesFront ? 1 : shape.batch) * shape.front * shape.channels),
      Operand("rest", shape.batch * shape.rest * shape.channels),
    ]
  }
  var outputShape: [Int] { [shape.batch, shape.front + shape.rest, shape.channels] }

  func forward(_ pass: ForwardPass) {
    pass.backend.concatenate(shape, y: pass.output, front: pass[0], rest: pass[1])
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.concatenateBackward(shape, dy: pass.dy, dfront: pass.target(0), drest: pass.target(1))
  }
}

/// Input: the tokens that all images share.
struct Expand: Operation {
  static let name = "repeat tokens"
  let shape: ConcatenateShape

  var operands: [Operand] { [Operand("x", shape.front * shape.channels)] }
  var outputShape: [Int] { [shape.batch, shape.front, shape.channels] }

  func forward(_ pass: ForwardPass) {
    pass.backend.concatenate(shape, y: pass.output, front: pass[0], rest: nil)
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.concatenateBackward(shape, dy: pass.dy, dfront: pass.target(0), drest: nil)
  }
}

extension Tape {
  /// Concatenates tokens.
  /// - Parameters:
  ///   - a: `[batch or 1, prefix, channels]`; one set precedes every sequence.
  ///   - b: `[batch, tokens, channels]`.
  /// - Returns: `[batch, prefix + tokens, channels]`.
  public func concatenate(_ a: Tensor, _ b: Tensor) -> Tensor {
    let batch = b.shape[0]
    precondition(a.channels == b.channels && (a.shape[0] == batch || a.shape[0] == 1))
    let shape = ConcatenateShape(
      batch: batch, front: a.shape[1], rest: b.shape[1], channels: b.channels,
      sharesFront: a.shape[0] == 1 && batch != 1)
    return apply(Concatenate(shape: shape), [a, b])
  }

  /// One set of tokens, copied for every image.
  /// - Parameter x: `[1, tokens, channels]`.
  /// - Returns: `[batch, tokens, channels]`.
  package func expand(_ x: Tensor, batch: Int) -> Tensor {
    precondition(x.shape[0] == 1)
    let shape = ConcatenateShape(
      batch: batch, front: x.shape[1], rest: 0, channels: x.channels, sharesFront: true)
    return apply(Expand(shape: shape), [x])
  }
}
