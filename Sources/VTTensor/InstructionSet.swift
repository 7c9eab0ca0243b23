import CKernels

/// Which variant of the CPU kernels to run.
package enum InstructionSet: String, CaseIterable, Sendable {
  /// Plain loops with double accumulators: the reference for tests.
  case scalar
  /// Eight-float vectors on the processor family's baseline (SSE2, NEON).
  case portable
  case avx2
  /// Vectors of sixteen for products and what else gains by them; the rest as `avx2`.
  case avx512

  var kernel: vt_isa {
    switch self {
    case .scalar: VT_ISA_SCALAR
    case .portable: VT_ISA_PORTABLE
    case .avx2: VT_ISA_AVX2
    case .avx512: VT_ISA_AVX512
    }
  }

  /// Whether this processor runs it.
  package var isSupported: Bool { vt_isa_supported(kernel) != 0 }
}
