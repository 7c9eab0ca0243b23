/// Inputs: qkv, the relative position table, the query, key and value of padded cells. Saves the log of the
/// sum of exponentials of each row of scores.
struct WindowAttention: Operation {
  static let name = "window attention"
  let shape: WindowShape

  private var layout: WindowLayout { shape.layout }
  private var width: Int { shape.heads * shape.headDim }
  private var tokens: Int { layout.height * layout.width }
  private var heads: Int { shape.batch * layout.windows * shape.heads }
  private var productFLOPs: Int { 2 * heads * layout.slots * layout.slots * shape.headDim }

  var operands: [Operand] {
    let side = 2 * layout.window - 1
    return [
      Operand("qkv", shape.batch * tokens * 3 * width),
      Operand("table", side * side * shape.heads, isOptional: true),
      Operand("padding", 3 * width, isOptional: true),
    ]
  }
  var outputShape: [Int] { [shape.batch, tokens, width] }
  func saved(needsGradient: Bool) -> [Int] { [heads * layout.slots] }
  var flops: Int { 2 * productFLOPs }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { 4 * productFLOPs }

  func forward(_ pass: ForwardPass) {
    pass.backend.windowAttentionForward(
      shape, out: pass.output, lse: pass.saved[0], qkv: pass[0], table: pass.optional(1),
      padding: pass.optional(2))
  }

  func backward(_ pass: BackwardPass) {
    pass.backend.windowAttentionBackward(
      shape, dqkv: pass.targetsOrScratch(0)[0], dtable: pass.target(1), dpadding: pass.target(2),
      dout: pass.dy, out: pass.output, lse: pass.saved[0], qkv: pass[0], table: pass.optional(1),
      padding: pass.optional(2))
  }
}

extension Tape {
  /// Self-attention within shifted windows (Liu et al., ICCV 2021, section 3.2): windows are gathered and
  /// scattered inside, so tokens stay where they are.
  /// - Parameters:
  ///   - qkv: `[batch, height * width, 3 * heads * headDim]`: queries, keys, values, each head by head.
  ///   - table: `[(2 * window - 1)², heads]`, the relative position bias, or nil.
  ///   - padding: `[3 * heads * headDim]`, the query, key and value of padded cells: the bias of the layer that
  ///     made `qkv`; nil for zeros.
  /// - Returns: `[batch, height * width, heads * headDim]`.
  package func windowAttention(
    qkv: Tensor, layout: WindowLayout, table: Tensor?, padding: Tensor?, heads: Int, headDim: Int,
    scale: Float
  ) -> Tensor {
    precondition(qkv.shape.count == 3)
    let shape = WindowShape(
      batch: qkv.shape[0], heads: heads, headDim: headDim, scale: scale, layout: layout)
    return apply(WindowAttention(shape: shape), [qkv, table, layout.hasPadding ? padding : nil])
  }
}
