import CKernels

/// A variant of the CPU kernels.
package enum InstructionSet: String, CaseIterable, Sendable {
  /// Plain loops with double accumulators: the reference for tests.
  case scalar
  /// Vectors of eight floats on the processor family's baseline (SSE2, NEON).
  case portable
  case avx2
  /// Vectors of sixteen floats for products and other kernels that gain by them; the rest as `avx2`.
  case avx512

  var kernel: vt_isa {
    switch self {
    case .scalar: VT_ISA_SCALAR
    case .portable: VT_ISA_PORTABLE
    case .avx2: VT_ISA_AVX2
    case .avx512: VT_ISA_AVX512
    }
  }

  /// Whether this processor supports it.
  package var isSupported: Bool { vt_isa_supported(kernel) != 0 }
}
