/// Inputs: queries, keys, values; parts of one tensor are the same input. Saves the log of the sum of
/// exponentials of each row of scores.
struct Attention: Operation {
  static let name = "attention"
  let shape: AttentionShape
  /// Where queries, keys and values begin in a row of their tensor, and how long that row is.
  let parts: [Part]

  struct Part: Hashable, Sendable {
    let offset: Int
    let stride: Int

    func view(_ storage: Storage) -> RowView { RowView(storage, offset: offset, stride: stride) }
    func target(_ whole: GradientTarget) -> RowTarget {
      RowTarget(view: view(whole.storage), accumulate: whole.accumulate)
    }
  }

  private var width: Int { shape.heads * shape.headDim }
  /// Of the products of queries and keys.
  private var productFLOPs: Int {
    2 * shape.batch * shape.heads * shape.queries * shape.keys * shape.headDim
  }

  var operands: [Operand] {
    let rows = [shape.queries, shape.keys, shape.keys]
    return zip(["q", "k", "v"], zip(rows, parts)).map { Operand($0, shape.batch * $1.0 * $1.1.stride) }
  }
  var outputShape: [Int] { [shape.batch, shape.queries, width] }
  func saved(needsGradient: Bool) -> [Int] { [shape.batch * shape.heads * shape.queries] }
  var flops: Int { 2 * productFLOPs }
  func backwardFLOPs(_ wanted: [Bool]) -> Int { 4 * productFLOPs }
  /// Measured: with many channels per token, recomputing costs a fiftieth of a step's time and saves a
  /// twentieth of its memory; with fewer, attention costs more (docs/decisions/0018-memory-of-training.md).
  var recomputation: Recomputation { width > 3 * shape.keys ? .once : .never }

  func forward(_ pass: ForwardPass) {
    pass.backend.attentionForward(
      shape, out: pass.output, lse: pass.saved[0], q: parts[0].view(pass[0]), k: parts[1].view(pass[1]),
      v: parts[2].view(pass[2]))
  }

  func backward(_ pass: BackwardPass) {
    let targets = pass.targetsOrScratch(0, 1, 2)
    pass.backend.attentionBackward(
      shape, dq: parts[0].target(targets[0]), dk: parts[1].target(targets[1]),
      dv: parts[2].target(targets[2]), dout: pass.dy, out: pass.output, lse: pass.saved[0],
      q: parts[0].view(pass[0]), k: parts[1].view(pass[1]), v: parts[2].view(pass[2]))
  }
}

extension Tape {
  /// Multi-head self-attention, `softmax(scale q kᵀ) v` per head. The scores exist one tile at a time; the
  /// backward pass recomputes them.
  /// - Parameters:
  ///   - qkv: `[batch, tokens, 3 * heads * headDim]`: queries, keys, values, each head by head.
  ///   - scale: usually `headDim**-0.5`.
  /// - Returns: `[batch, tokens, heads * headDim]`.
  public func attention(qkv: Tensor, heads: Int, headDim: Int, scale: Float) -> Tensor {
    let width = heads * headDim
    precondition(
      qkv.shape.count == 3 && qkv.channels == 3 * width, "qkv \(qkv.shape) for \(heads) heads of \(headDim)")
    return attention((qkv, 0), (qkv, width), (qkv, 2 * width), heads, headDim, scale)
  }

  /// The same with separate queries, keys and values; keys and values may be in one tensor.
  /// - Parameters:
  ///   - q: `[batch, queries, heads * headDim]`.
  ///   - kv: `[batch, keys, 2 * heads * headDim]`: keys, then values.
  /// - Returns: `[batch, queries, heads * headDim]`.
  public func attention(q: Tensor, kv: Tensor, heads: Int, headDim: Int, scale: Float) -> Tensor {
    let width = heads * headDim
    precondition(q.channels == width && kv.channels == 2 * width && q.shape[0] == kv.shape[0])
    return attention((q, 0), (kv, 0), (kv, width), heads, headDim, scale)
  }

  /// The same with keys and values in two tensors of `[batch, keys, heads * headDim]`.
  package func attention(
    q: Tensor, k: Tensor, v: Tensor, heads: Int, headDim: Int, scale: Float
  ) -> Tensor {
    let width = heads * headDim
    precondition(q.channels == width && k.channels == width && v.shape == k.shape)
    precondition(q.shape[0] == k.shape[0])
    return attention((q, 0), (k, 0), (v, 0), heads, headDim, scale)
  }

  private func attention(
    _ q: (Tensor, Int), _ k: (Tensor, Int), _ v: (Tensor, Int), _ heads: Int, _ headDim: Int, _ scale: Float
  ) -> Tensor {
    let shape = AttentionShape(
      batch: q.0.shape[0], queries: q.0.shape[1], keys: k.0.shape[1], heads: heads, headDim: headDim,
      scale: scale)
    let parts = [q, k, v].map { Attention.Part(offset: $0.1, stride: $0.0.channels) }
    return apply(Attention(shape: shape, parts: parts), [q.0, k.0, v.0])
  }
}
