/// Inputs: keys, queries and values in one tensor; the random projection, which gets no gradient.
struct PerformerAttention: Operation {
  static let name = "performer attention"
  let shape: PerformerShape

  private var productFLOPs: Int { 2 * shape.batch * shape.tokens * shape.features * shape.dim }

  var operands: [Operand] {
    [
      Operand("kqv", shape.batch * shape.tokens * 3 * shape.dim),
      Operand("projection", shape.features * shape.dim),
    ]
  }
  var outputShape: [Int] { [shape.batch, shape.tokens, shape.dim] }
  var flops: Int { 4 * productFLOPs }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { 6 * productFLOPs }

  func forward(_ pass: ForwardPass) {
    pass.backend.performerForward(shape, out: pass.output, kqv: pass[0], w: pass[1])
  }

  func backward(_ pass: BackwardPass) {
    guard let target = pass.target(0) else { return }
    pass.backend.performerBackward(shape, dkqv: target, dout: pass.dy, kqv: pass[0], w: pass[1])
  }
}

extension Tape {
  /// Attention in linear time by positive random features (Choromanski et al., ICLR 2021), as T2T-ViT uses
  /// it: one head, a fixed random projection.
  /// - Parameters:
  ///   - kqv: `[batch, tokens, 3 * dim]`: keys, queries, values.
  ///   - w: `[features, dim]`, which gets no gradient.
  /// - Returns: `[batch, tokens, dim]`.
  package func performerAttention(kqv: Tensor, w: Tensor, eps: Float) -> Tensor {
    precondition(kqv.shape.count == 3 && kqv.channels == 3 * w.channels)
    let shape = PerformerShape(
      batch: kqv.shape[0], tokens: kqv.shape[1], dim: w.channels, features: w.shape[0], eps: eps)
    return apply(PerformerAttention(shape: shape), [kqv, w])
  }
}
