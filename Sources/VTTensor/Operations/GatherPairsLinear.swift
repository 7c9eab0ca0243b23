/// Inputs: x, weight, bias, the first tokens of the pairs, the second ones.
struct GatherPairsLinear: Operation {
  static let name = "pair linear"
  let shape: PairShape

  var operands: [Operand] {
    [
      Operand("x", shape.batch * shape.tokens * shape.channels),
      Operand("weight", shape.outputs * 2 * shape.channels), Operand("bias", shape.outputs),
      Operand("first", shape.count, type: .i32), Operand("second", shape.count, type: .i32),
    ]
  }
  var outputShape: [Int] { [shape.count, shape.outputs] }
  /// Counts each pair: only the backend knows how many distinct tokens there are.
  var flops: Int { 2 * shape.count * shape.outputs * 2 * shape.channels }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { flops * wanted.prefix(2).count { $0 } }

  func forward(_ pass: ForwardPass) {
    pass.backend.gatherPairsLinearForward(
      shape, y: pass.output, x: pass[0], linear: LinearValues(weight: pass[1], bias: pass[2]),
      first: pass[3], second: pass[4])
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.gatherPairsLinearBackward(
      shape, dy: pass.dy, y: pass.output, x: pass[0], weight: pass[1], first: pass[3], second: pass[4],
      dx: pass.sum(0), dlinear: LinearTarget(weight: pass.target(1), bias: pass.target(2)))
  }
}

extension Tape {
  /// `relu(W concat(x[a], x[b]) + bias)` for pairs of tokens: the first layer of the dense relative localization head.
  /// - Parameters:
  ///   - x: `[batch, tokens, channels]`.
  ///   - first: first token of each pair, `[batch * pairs]` int32, in `0..<tokens`.
  ///   - second: second token of each pair.
  ///   - weight: `[outputs, 2 * channels]`.
  ///   - bias: `[outputs]`.
  /// - Returns: `[batch * pairs, outputs]`.
  package func gatherPairsLinear(
    _ x: Tensor, first: Tensor, second: Tensor, weight: Tensor, bias: Tensor
  ) -> Tensor {
    let shape = PairShape(
      batch: x.shape[0], tokens: x.shape[1], channels: x.channels, outputs: weight.shape[0],
      pairs: first.count / x.shape[0])
    return apply(GatherPairsLinear(shape: shape), [x, weight, bias, first, second])
  }
}
