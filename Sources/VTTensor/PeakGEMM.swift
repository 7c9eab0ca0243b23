import CKernels
import CBLAS
import Foundation

/// The fastest matrix multiplication of this machine: the peak that an engine's speed is compared with.
package enum PeakGEMM {
  /// FLOP/s of large square products: the BLAS with its own threads on one product, the BLAS with one product
  /// per thread, and VTKit's tiles with one product per thread (a BLAS may not support a processor's widest
  /// vectors). The best of several tries.
  package static func measure(_ engine: Engine, tries: Int = 5) -> Double {
    let threads = engine.threads
    let size = 1536
    let area = size * size
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: (3 + threads.threads) * area)
    memory.initialize(repeating: 0.5, count: (3 + threads.threads) * area)
    defer { memory.deallocate() }
    let (a, b, panels, results) = (memory, memory + area, memory + 2 * area, memory + 3 * area)
    let n = Int32(size)
    let isa = engine.instructions.kernel
    let left = vt_gemm_a(data: a, stride: size, depth: size, kernel_offsets: 1, cells: nil, offset_stride: 0)
    vt_pack_panels(isa, panels, b, size, 0, size, size)
    let one = 2 * Double(size) * Double(size) * Double(size)
    func oneEach(_ product: (UnsafeMutablePointer<Float>) -> Void) -> Double {
      one * Double(threads.threads)
        / seconds { threads.run(pieces: threads.threads) { piece, _ in product(results + piece * area) } }
    }
    var best = 0.0
    for _ in 0..<tries {
      best = max(best, oneEach { vt_sgemm(0, 0, n, n, n, 1, a, n, b, n, 0, $0, n) })
      best = max(best, oneEach { vt_product(isa, $0, size, left, panels, size, size, 0, vt_epilogue()) })
      vt_blas_use_threads(Int32(threads.threads))
      best = max(
        best, one / seconds { vt_sgemm(0, 0, n, n, n, 1, a, n, b, n, 0, results, n) })
      vt_blas_use_threads(1)
    }
    return best
  }

  private static func seconds(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let time = clock.measure(body)
    return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  }
}
