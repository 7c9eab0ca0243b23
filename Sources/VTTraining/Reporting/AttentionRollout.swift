import VTTensor

/// How much of each token reaches what the classifier reads through all layers (Abnar and Zuidema, "Quantifying Attention
/// Flow in Transformers", ACL 2020): probabilities averaged over heads, half of them and half the residual branch's
/// identity, multiplied layer by layer.
enum AttentionRollout {
  /// - Parameters:
  ///   - layers: of one image, in the order of the network.
  ///   - readout: the share of each token in what is read after the last layer.
  /// - Returns: the share of each token before the first layer.
  static func shares(_ layers: [AttentionProbabilities], readout: [Double]) -> [Double] {
    // A row times the product is enough, from the last layer to the first.
    layers.reversed().reduce(readout) { shares, layer in
      var next = shares.map { $0 / 2 }
      for (query, share) in shares.enumerated() where share > 0 {
        for key in 0..<layer.tokens {
          next[key] += share / 2 * Double(layer.values[query * layer.tokens + key])
        }
      }
      return next
    }
  }
}
