/// Where a tensor's numbers live. Models and training never look at it; only a `Backend` does.
public enum Device: Hashable, Sendable, CustomStringConvertible {
  case cpu

  public var description: String {
    switch self {
    case .cpu: "cpu"
    }
  }
}

/// Which variant of the CPU kernels to run.
public enum InstructionSet: String, CaseIterable, Sendable {
  /// Plain loops with double accumulators: the reference for tests.
  case scalar
  /// Eight-float vectors on the processor family's baseline (SSE2, NEON).
  case portable
  case avx2
}
