extension Tape {
  /// `relu(W concat(x[a], x[b]) + bias)` for pairs of tokens: the first layer of the dense relative localization head.
  /// Since `W concat(u, v) = W₁ u + W₂ v`, each token that occurs is multiplied once with its half of the weight,
  /// however many pairs it is in.
  /// - Parameters:
  ///   - x: `[batch, tokens, channels]`.
  ///   - a: first token of each pair, `[batch * pairs]`, in `0..<tokens`.
  ///   - b: second token of each pair.
  ///   - weight: `[outputs, 2 * channels]`.
  ///   - bias: `[outputs]`.
  /// - Returns: `[batch * pairs, outputs]`.
  package func gatherPairsLinear(_ x: Tensor, _ a: [Int32], _ b: [Int32], weight: Tensor, bias: Tensor)
    -> Tensor
  {
    let (batch, tokens, channels) = (x.shape[0], x.shape[1], x.shape[2])
    let outputs = weight.shape[0]
    precondition(a.count == b.count && a.count % batch == 0)
    precondition((a + b).allSatisfy { $0 >= 0 && $0 < tokens })
    precondition(weight.shape == [outputs, 2 * channels] && bias.count == outputs)
    let pairs = a.count / batch
    let sides = [
      PairSide(a, batch: batch, pairs: pairs, tokens: tokens),
      PairSide(b, batch: batch, pairs: pairs, tokens: tokens),
    ]
    let shape = PairShape(channels: channels, outputs: outputs, pairs: a.count)
    let needs = needsTape(x, weight, bias)
    let y = output([a.count, outputs], needsGradient: needs)
    let rows = sides[0].rows.count + sides[1].rows.count
    let op = operation("pair linear", [x, weight, bias], y)
    forward(op) {
      backend.pairLinearForward(
        shape, sides, y: y.storage, x: x.storage, weight: weight.storage, bias: bias.storage)
      engine.countFLOPs(rows, outputs, channels)
    }
    guard needs else { return y }
    let kept = y.storage
    record(op) { [engine] in
      guard let dy = y.gradient else { return }
      let products = (x.needsGradient ? 1 : 0) + (weight.needsGradient ? 1 : 0)
      engine.countFLOPs(rows, outputs, channels, times: products)
      engine.backend.pairLinearBackward(
        shape, sides, dy: dy, y: kept, x: x.storage, weight: weight.storage,
        dx: x.needsGradient ? x.gradientToAdd(engine) : nil, dweight: weight.target(engine),
        dbias: bias.target(engine))
    }
    return y
  }
}

/// Sizes of `gatherPairsLinear`.
package struct PairShape: Sendable {
  package let channels: Int
  package let outputs: Int
  /// Of all images together.
  package let pairs: Int
}

/// The tokens that stand on one side of the pairs.
package struct PairSide: Sendable {
  /// Each token that occurs, once, as a row of `[batch * tokens]`: images in order, tokens by first occurrence.
  let rows: [Int32]
  /// For each pair, which of `rows`.
  let places: [Int32]

  init(_ indices: [Int32], batch: Int, pairs: Int, tokens: Int) {
    var (rows, places): ([Int32], [Int32]) = ([], [])
    places.reserveCapacity(indices.count)
    for image in 0..<batch {
      var seen = [Int32](repeating: -1, count: tokens)
      for index in indices[image * pairs..<(image + 1) * pairs] {
        if seen[Int(index)] < 0 {
          seen[Int(index)] = Int32(rows.count)
          rows.append(Int32(image * tokens) + index)
        }
        places.append(seen[Int(index)])
      }
    }
    self.rows = rows
    self.places = places
  }
}
