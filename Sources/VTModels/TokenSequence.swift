/// One sequence of tokens that goes through every block of a network: what attention can be followed along.
package struct TokenSequence: Sendable {
  /// Tokens in front of the patches (class, distillation, registers).
  package let prefix: Int
  /// Layers of self-attention over the whole sequence.
  package let blocks: Int
  /// For each token, the share of the classifier's input that is read from it; all add up to 1.
  package let readout: [Double]

  package var count: Int { readout.count }
}

/// A network that may have such a sequence.
package protocol TokenSequenceModel: VisionModel {
  /// nil where the classifier's input is more than a mean of tokens.
  var tokenSequence: TokenSequence? { get }
}
