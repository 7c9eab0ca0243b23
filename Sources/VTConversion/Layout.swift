import VTCheckpoint

/// The data side of a rule: permuting axes, joining and splitting. It moves bytes and never computes.
enum Layout {
  /// Describes what happens to a tensor.
  static func describe(_ axes: AxisPattern, parts: Int) -> String {
    let layout = axes.isIdentity ? "" : axes.text
    guard parts > 1 else { return layout }
    return "join \(parts)" + (layout.isEmpty ? "" : " of " + layout)
  }

  /// The native tensor: each source permuted, then concatenated along the first axis.
  static func toNative(
    name: String, sources: [StoredTensor], axes: AxisPattern, lengths: [String: Int]
  ) throws -> StoredTensor {
    var shape = axes.shape(\.native, lengths) ?? []
    if sources.count > 1 { shape[0] *= sources.count }
    return try .concatenate(
      sources, name: name, shape: shape,
      permutation: axes.permutation(from: \.source, to: \.native, lengths, sources[0].type))
  }

  /// The dialect's tensors for one native tensor: the inverse of `toNative`.
  static func fromNative(
    _ native: StoredTensor, names: [String], axes: AxisPattern, lengths: [String: Int]
  ) throws -> [StoredTensor] {
    try native.split(
      names, shape: axes.shape(\.source, lengths) ?? [],
      permutation: axes.permutation(from: \.native, to: \.source, lengths, native.type))
  }
}
