import VTCore

/// Drop path of a residual branch (stochastic depth, Huang et al., ECCV 2016): each sample's
/// branch is dropped with probability `rate`, and scaled by `1 / (1 - rate)` otherwise.
public struct DropPath: Sendable {
  /// The probability that a sample's branch is dropped, 0 to 1.
  package let rate: Float
  /// Rows per sample: its tokens.
  package let rowsPerSample: Int

  /// - Parameters:
  ///   - rate: the probability that a sample's branch is dropped, 0 to 1.
  ///   - rowsPerSample: tokens per sample.
  public init(rate: Float, rowsPerSample: Int) {
    self.rate = rate
    self.rowsPerSample = rowsPerSample
  }
}

extension Tape {
  /// The factors of a branch, one per sample; nil if drop path is not active.
  func scales(of dropPath: DropPath?, rows: Int) -> Tensor? {
    guard training, let dropPath, dropPath.rate > 0 else { return nil }
    // One stream per branch, one word per sample.
    var generator = RandomKey(
      seed: UInt64(random.word0) << 32 | UInt64(random.word1), purpose: .dropout, index: nextStream()
    ).generator()
    let scales: [Float] = (0..<rows / dropPath.rowsPerSample).map { _ in
      generator.uniform() < Double(dropPath.rate) ? 0 : 1 / (1 - dropPath.rate)
    }
    return engine.tensor(scales, [scales.count])
  }
}
