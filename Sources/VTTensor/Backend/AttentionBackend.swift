/// Rows within a storage: row i begins at `offset + i * stride`.
package struct RowView {
  package let storage: Storage
  package let offset: Int
  package let stride: Int

  package init(_ storage: Storage, offset: Int = 0, stride: Int) {
    self.storage = storage
    self.offset = offset
    self.stride = stride
  }
}

/// The same for a gradient.
package struct RowTarget {
  package let view: RowView
  package let accumulate: Bool
}

/// Sizes of attention: `q [batch, queries, heads, headDim]`, `k` and `v [batch, keys, heads, headDim]`.
package struct AttentionShape: Hashable, Sendable {
  package let batch: Int
  package let queries: Int
  package let keys: Int
  package let heads: Int
  package let headDim: Int
  package let scale: Float
}

/// Sizes of windowed self-attention over `qkv [batch, tokens, 3, heads, headDim]`.
package struct WindowShape: Hashable, Sendable {
  package let batch: Int
  package let heads: Int
  package let headDim: Int
  package let scale: Float
  package let layout: WindowLayout
}

/// Sizes of Performer attention over `kqv [batch, tokens, 3, dim]`: keys, queries, values.
package struct PerformerShape: Hashable, Sendable {
  package let batch: Int
  package let tokens: Int
  package let dim: Int
  package let features: Int
  package let eps: Float
}

/// Attention of every kind.
package protocol AttentionBackend {
  /// `out [batch, queries, heads * headDim]`, and the log of the sum of exponentials of each row of scores
  /// `lse [batch, heads, queries]`. Each thread holds at most one tile of scores.
  func attentionForward(
    _ shape: AttentionShape, out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView)
  func attentionBackward(
    _ shape: AttentionShape, dq: RowTarget, dk: RowTarget, dv: RowTarget, dout: Storage,
    out: Storage, lse: Storage, q: RowView, k: RowView, v: RowView)

  /// Attention within each window; `table [(2w-1)², heads]` is the relative position bias, `padding [3 *
  /// heads * headDim]` the query, key and value of padded cells; `lse [batch, windows, heads, slots]` as in
  /// `attentionForward`.
  func windowAttentionForward(
    _ shape: WindowShape, out: Storage, lse: Storage, qkv: Storage, table: Storage?, padding: Storage?)
  func windowAttentionBackward(
    _ shape: WindowShape, dqkv: GradientTarget, dtable: GradientTarget?, dpadding: GradientTarget?,
    dout: Storage, out: Storage, lse: Storage, qkv: Storage, table: Storage?, padding: Storage?)

  /// `out [batch, tokens, dim] = φ(q) (φ(k)ᵀ v) / (φ(q) Σ φ(k) + eps)` with `w [features, dim]`.
  func performerForward(_ shape: PerformerShape, out: Storage, kqv: Storage, w: Storage)
  func performerBackward(
    _ shape: PerformerShape, dkqv: GradientTarget, dout: Storage, kqv: Storage, w: Storage)
}
