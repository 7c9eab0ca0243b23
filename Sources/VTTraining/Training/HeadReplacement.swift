import VTCheckpoint
import VTCore
import VTModels

/// Gives a pretrained network a new classifier.
package enum HeadReplacement {
  /// The configuration for another number of classes.
  package static func configuration(_ configuration: JSON, numClasses: Int) -> JSON {
    configuration.replacing(["num_classes": .int(numClasses)])
  }

  /// Where each of `classes` lies among a trained classifier's own, so that it can be kept.
  /// - Parameter own: the classifier's classes; nil where the file does not name them.
  /// - Returns: nil where it tells other classes apart.
  package static func rows(of classes: [String], in own: [String]?) -> [Int]? {
    guard let own, own.count == classes.count, Set(own).count == own.count else { return nil }
    let rows = classes.compactMap { own.firstIndex(of: $0) }
    return rows.count == classes.count ? rows : nil
  }

  /// Whether a network's classifier can be kept for a folder's classes.
  /// - Parameters:
  ///   - own: the classifier's classes; nil where nothing names them.
  ///   - count: number of classes; 0 without a classifier.
  ///   - source: who names them.
  /// - Returns: the rows as above, and what to say of it.
  package static func choice(
    of classes: [String], own: [String]?, count: Int, namedBy source: String, isWanted: Bool
  ) -> (rows: [Int]?, text: String) {
    let untrained = "classifier: new, untrained (\(classes.count) classes)"
    if !isWanted { return (nil, untrained) }
    guard let rows = rows(of: classes, in: own) else {
      return (
        nil,
        untrained
          + (count > 0 ? "; the checkpoint's, of \(count.counted("class", "classes")), is dropped" : "")
      )
    }
    let order = rows == Array(rows.indices) ? "" : ", its rows put into the order of the folders"
    return (rows, "classifier: kept (\(classes.count) classes, as \(source))\(order)")
  }

  /// The weights with exactly the classifier's tensors replaced: by freshly initialized ones (truncated normal 0.02,
  /// zero bias), or by their own rows in another order. All others are the same.
  /// - Parameter rows: for each class, its row of the classifier that the weights have; nil makes a new classifier.
  /// - Throws: `Failure` where the weights lack anything but the classifier.
  package static func weights(
    _ weights: StateDict, configuration: JSON, seed: UInt64, rows: [Int]? = nil
  ) throws -> StateDict {
    let heads = try Models.headParameters(configuration)
    var result = StateDict()
    result.metadata = weights.metadata
    for (index, declaration) in try Models.parameterDeclarations(configuration).enumerated() {
      let own = weights[declaration.name]
      if heads.contains(declaration.name), let rows, let own {
        try result.append(reordered(own, rows))
      } else if heads.contains(declaration.name) {
        let values = declaration.initialValues(seed: seed, index: UInt64(index))
        try result.append(StoredTensor(name: declaration.name, shape: declaration.shape, values: values))
      } else if let own {
        try result.append(own)
      }
    }
    return result
  }

  /// The rows of a `[classes, ...]` tensor in another order.
  private static func reordered(_ tensor: StoredTensor, _ rows: [Int]) throws -> StoredTensor {
    guard rows != Array(rows.indices), tensor.shape.first == rows.count else { return tensor }
    let values = try tensor.floats()
    let width = values.count / rows.count
    return StoredTensor(
      name: tensor.name, shape: tensor.shape,
      values: rows.flatMap { values[$0 * width..<($0 + 1) * width] })
  }
}
