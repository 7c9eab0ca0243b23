import Foundation

/// What each token of a layer of self-attention attends to, averaged over the heads. The kernels never hold these
/// numbers; they are computed again here, from queries and keys, for pictures of what a network looks at.
package struct AttentionProbabilities: Sendable {
  package let tokens: Int
  /// `[batch, tokens, tokens]`: rows are queries and add up to 1.
  package let values: [Float]

  package init(tokens: Int, values: [Float]) {
    precondition(values.count.isMultiple(of: tokens * tokens))
    (self.tokens, self.values) = (tokens, values)
  }

  fileprivate init(_ operation: Attention, queries: [Float], keys: [Float]) {
    let (shape, parts) = (operation.shape, operation.parts)
    let (tokens, dim) = (shape.queries, shape.headDim)
    var sums = [Float](repeating: 0, count: shape.batch * tokens * tokens)
    // With the channels of all keys side by side the innermost loop runs over keys.
    var columns = [Float](repeating: 0, count: dim * tokens)
    var scores = [Float](repeating: 0, count: tokens)
    for image in 0..<shape.batch {
      for head in 0..<shape.heads {
        for key in 0..<tokens {
          let from = (image * tokens + key) * parts[1].stride + parts[1].offset + head * dim
          for c in 0..<dim { columns[c * tokens + key] = keys[from + c] }
        }
        for query in 0..<tokens {
          let from = (image * tokens + query) * parts[0].stride + parts[0].offset + head * dim
          Self.score(queries[from..<from + dim], columns, scale: shape.scale, &scores)
          let largest = scores.max() ?? 0
          for key in 0..<tokens { scores[key] = exp(scores[key] - largest) }
          let share = 1 / (scores.reduce(0, +) * Float(shape.heads))
          let row = (image * tokens + query) * tokens
          for key in 0..<tokens { sums[row + key] += scores[key] * share }
        }
      }
    }
    self.init(tokens: tokens, values: sums)
  }

  /// The scaled product of one query with every key.
  private static func score(
    _ query: ArraySlice<Float>, _ columns: [Float], scale: Float, _ scores: inout [Float]
  ) {
    let tokens = scores.count
    columns.withUnsafeBufferPointer { columns in
      scores.withUnsafeMutableBufferPointer { scores in
        scores.update(repeating: 0)
        guard var column = columns.baseAddress, let sums = scores.baseAddress else { return }
        for value in query {
          let scaled = value * scale
          for key in 0..<tokens { sums[key] += scaled * column[key] }
          column += tokens
        }
      }
    }
  }
}

extension Engine {
  /// Does something and returns, beside its result, the probabilities of every layer of self-attention over exactly so
  /// many tokens that ran in it, in their order.
  package func attentionProbabilities<Result>(
    tokens: Int, _ body: () throws -> Result
  ) rethrows -> (result: Result, layers: [AttentionProbabilities]) {
    var layers: [AttentionProbabilities] = []
    let before = observer
    observer = { operation, inputs in
      before?(operation, inputs)
      guard let attention = operation as? Attention, let queries = inputs[0], let keys = inputs[1],
        attention.shape.queries == tokens, attention.shape.keys == tokens
      else { return }
      layers.append(AttentionProbabilities(attention, queries: queries.values, keys: keys.values))
    }
    defer { observer = before }
    return (try body(), layers)
  }
}
