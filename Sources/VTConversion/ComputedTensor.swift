import VTCheckpoint
import VTCore

/// A tensor that a dialect computes from a native one: its files hold it, loaders expect it, training never
/// changes it.
struct ComputedTensor: Sendable {
  enum Kind: String, Sendable, CaseIterable {
    /// Swin's index into the table of relative positions, int32 `[tokens, tokens]` of a window (Liu et al., ICCV 2021,
    /// section 3.2; `get_relative_position_index` of the reference code).
    case relativePositionIndex = "relative-position-index"
    /// The same index as one list, int64 `[tokens * tokens]` (torchvision).
    case relativePositionList = "relative-position-list"
    /// The same as int64 `[tokens, tokens]` (transformers).
    case relativePositionMatrix = "relative-position-matrix"
    /// PyTorch's number of batches that a batch norm has seen, an int64 scalar; 0 if unknown.
    case batchCounter = "batch-counter"
    /// The embedding of a masked patch, `[1, channels]`; zeros here.
    case maskToken = "mask-token"

    /// Why import drops it.
    var reason: String {
      switch self {
      case .relativePositionIndex, .relativePositionList, .relativePositionMatrix, .batchCounter:
        "computed from others"
      case .maskToken: "only masked pretraining reads it"
      }
    }
  }

  /// The wildcard that records that a file had tensors that only folders need, so that an export writes them
  /// again.
  static let key = "computed"

  /// Its name in the dialect.
  let source: String
  /// The native tensor that it is computed from.
  let native: String
  let kind: Kind
  /// Whether only model folders need it: their loader requires it; a single file may lack it.
  var isForFolders = false

  /// - Parameter tensor: the native tensor.
  /// - Throws: `Failure` if its shape does not fit.
  func made(from tensor: StoredTensor, name: String) throws -> StoredTensor {
    switch kind {
    case .batchCounter:
      return StoredTensor(name: name, type: .i64, shape: []) { try Bytes(copying: [Int64(0)]) }
    case .maskToken:
      let channels = tensor.shape.last ?? 0
      return StoredTensor(name: name, type: tensor.type, shape: [1, channels]) {
        // All zero bytes: zero in every type.
        try Bytes(copying: [UInt8](repeating: 0, count: channels * tensor.type.width))
      }
    case .relativePositionIndex:
      let (index, tokens) = try Self.relativePositions(of: tensor)
      return StoredTensor(name: name, type: .i32, shape: [tokens, tokens]) {
        try Bytes(copying: index().map { Int32($0) })
      }
    case .relativePositionMatrix:
      let (index, tokens) = try Self.relativePositions(of: tensor)
      return StoredTensor(name: name, type: .i64, shape: [tokens, tokens]) {
        try Bytes(copying: index().map { Int64($0) })
      }
    case .relativePositionList:
      let (index, tokens) = try Self.relativePositions(of: tensor)
      return StoredTensor(name: name, type: .i64, shape: [tokens * tokens]) {
        try Bytes(copying: index().map { Int64($0) })
      }
    }
  }

  /// For each query and key, the row of a window's table of relative positions; and the number of queries and
  /// of keys.
  /// - Parameter table: `[(2 * window - 1)^2, heads]`.
  private static func relativePositions(of table: StoredTensor) throws -> (
    index: @Sendable () -> [Int], tokens: Int
  ) {
    let rows = table.shape.first ?? 0
    let side = Int(Double(rows).squareRoot().rounded())
    guard side > 0, side * side == rows, side % 2 == 1 else {
      throw Failure("\(table.shape) is not the shape of a table of relative positions", tensor: table.name)
    }
    let window = (side + 1) / 2
    let tokens = window * window
    @Sendable func index() -> [Int] {
      (0..<tokens).flatMap { query in
        (0..<tokens).map { key in
          let down = query / window - key / window + window - 1
          let across = query % window - key % window + window - 1
          return down * side + across
        }
      }
    }
    return (index, tokens)
  }
}
