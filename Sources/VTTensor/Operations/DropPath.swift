import VTCore

/// Drop path of a residual branch (stochastic depth, Huang et al., ECCV 2016): each sample's
/// branch is dropped with probability `rate`, and scaled by `1 / (1 - rate)` otherwise.
public struct DropPath: Sendable {
  /// How often a sample's branch is left out, 0 to 1.
  package let rate: Float
  /// Rows of a sample: its tokens.
  package let rowsPerSample: Int

  /// - Parameters:
  ///   - rate: how often a sample's branch is left out, 0 to 1.
  ///   - rowsPerSample: a sample's tokens.
  public init(rate: Float, rowsPerSample: Int) {
    self.rate = rate
    self.rowsPerSample = rowsPerSample
  }
}

extension Tape {
  /// What a branch is multiplied by, one number a sample; nil where drop path does not act.
  func scales(of dropPath: DropPath?, rows: Int) -> Tensor? {
    guard training, let dropPath, dropPath.rate > 0 else { return nil }
    // One stream a branch, one word a sample.
    var generator = RandomKey(
      seed: UInt64(random.word0) << 32 | UInt64(random.word1), purpose: .dropout, index: nextStream()
    ).generator()
    let scales: [Float] = (0..<rows / dropPath.rowsPerSample).map { _ in
      generator.uniform() < Double(dropPath.rate) ? 0 : 1 / (1 - dropPath.rate)
    }
    return engine.tensor(scales, [scales.count])
  }
}
