/// Sizes of `x [batch, tokens, channels]`.
package struct TokenShape: Hashable, Sendable {
  package let batch: Int
  package let tokens: Int
  package let channels: Int

  var count: Int { batch * tokens * channels }

  init(_ x: Tensor) {
    precondition(x.shape.count == 3, "tokens are [batch, tokens, channels], not \(x.shape)")
    (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
  }
}

/// Sizes of a patch embedding. `prefix` tokens precede the patches.
package struct PatchShape: Hashable, Sendable {
  package let batch: Int
  package let height: Int
  package let width: Int
  package let inChannels: Int
  package let patch: Int
  package let prefix: Int
  package let channels: Int
  var patches: Int { (height / patch) * (width / patch) }
  var tokens: Int { prefix + patches }
  var patchLength: Int { inChannels * patch * patch }
}

/// Sizes of `front` tokens followed by `rest`.
package struct ConcatenateShape: Hashable, Sendable {
  package let batch: Int
  package let front: Int
  package let rest: Int
  package let channels: Int
  /// Whether one set of tokens precedes every sequence.
  package let sharesFront: Bool
}

/// A block of tokens and channels.
package struct SliceShape: Hashable, Sendable {
  package let batch: Int
  package let tokens: Int
  package let channels: Int
  package let first: Int
  package let count: Int
  package let channel: Int
  package let width: Int
}

/// Sizes of `gatherPairsLinear`.
package struct PairShape: Hashable, Sendable {
  package let batch: Int
  package let tokens: Int
  package let channels: Int
  package let outputs: Int
  /// Of one image.
  package let pairs: Int

  /// Of all images together.
  var count: Int { batch * pairs }
}

/// Operations that create, select or combine tokens.
package protocol TokenBackend {
  /// `tokens = [prefix tokens; patches · weightᵀ + bias] + position`; `columns` receives the patches, one per
  /// row.
  func patchEmbeddingForward(
    _ shape: PatchShape, tokens: Storage, columns: Storage, images: Storage, linear: LinearValues,
    prefixTokens: [Storage], position: Storage?)
  func patchEmbeddingBackward(
    _ shape: PatchShape, dtokens: Storage, columns: Storage, dlinear: LinearTarget,
    dprefix: [GradientTarget?], dposition: GradientTarget?)

  /// `y [batch, channels]`: token `index` of every sequence.
  func select(_ shape: TokenShape, index: Int, y: Storage, x: Storage)
  /// `dx[:, index, :] += dy`.
  func selectBackward(_ shape: TokenShape, index: Int, dx: Storage, dy: Storage)
  /// `y [batch, channels]`, the mean of the tokens from `first` on.
  func meanPool(_ shape: TokenShape, first: Int, y: Storage, x: Storage)
  /// Adds to `dx`.
  func meanPoolBackward(_ shape: TokenShape, first: Int, dx: Storage, dy: Storage)

  /// See `Tape.gatherPairsLinear`; `y [batch * pairs, outputs]`; the pairs' tokens are int32.
  func gatherPairsLinearForward(
    _ shape: PairShape, y: Storage, x: Storage, linear: LinearValues, first: Storage, second: Storage)
  /// Adds to `dx`.
  func gatherPairsLinearBackward(
    _ shape: PairShape, dy: Storage, y: Storage, x: Storage, weight: Storage, first: Storage, second: Storage,
    dx: Storage?, dlinear: LinearTarget)

  /// `y [batch, front + rest, channels]`; nil for no rest.
  func concatenate(_ shape: ConcatenateShape, y: Storage, front: Storage, rest: Storage?)
  func concatenateBackward(
    _ shape: ConcatenateShape, dy: Storage, dfront: GradientTarget?, drest: GradientTarget?)
  /// A block of `x [batch, tokens, channels]`: `count` tokens from `first` on, `width` channels from
  /// `channel` on.
  func slice(_ shape: SliceShape, y: Storage, x: Storage)
  /// `dx`'s block `+= dy`.
  func sliceBackward(_ shape: SliceShape, dx: Storage, dy: Storage)
  /// `y = x + table`, for each sequence of the batch.
  func addPositions(y: Storage, x: Storage, table: Storage, batch: Int)
  func addPositionsBackward(dtable: GradientTarget, dy: Storage, batch: Int)
}
