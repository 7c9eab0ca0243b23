import COpenBLAS
import Foundation

/// The fastest this machine multiplies matrices: what an engine's speed is to be measured against.
public enum MatrixRoof {
  /// Operations a second of large square products, the better of the BLAS's own threads on one
  /// product and one product a thread, best of several tries.
  public static func measure(threads: ThreadPool, tries: Int = 5) -> Double {
    let size = 1536
    let a = [Float](repeating: 0.5, count: size * size)
    let b = [Float](repeating: 0.25, count: size * size)
    let results = UnsafeMutablePointer<Float>.allocate(capacity: threads.threads * size * size)
    results.initialize(repeating: 0, count: threads.threads * size * size)
    defer { results.deallocate() }
    let n = Int32(size)
    let one = 2 * Double(size) * Double(size) * Double(size)
    var best = 0.0
    for _ in 0..<tries {
      best = max(
        best,
        one * Double(threads.threads)
          / seconds {
            threads.run(pieces: threads.threads) { piece, _ in
              vt_sgemm(0, 0, n, n, n, 1, a, n, b, n, 0, results + piece * size * size, n)
            }
          })
      vt_blas_use_threads(Int32(threads.threads))
      best = max(
        best, one / seconds { vt_sgemm(0, 0, n, n, n, 1, a, n, b, n, 0, results, n) })
      vt_blas_use_one_thread()
    }
    return best
  }

  private static func seconds(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let time = clock.measure(body)
    return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  }
}
