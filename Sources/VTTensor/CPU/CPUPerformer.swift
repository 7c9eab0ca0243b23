import CKernels
import CBLAS

extension CPUBackend {
  /// Random features of one image's keys or queries: `φ(x) = exp(w x - |x|² / 2) / sqrt(features)`.
  private func features(
    _ shape: PerformerShape, _ out: UnsafeMutablePointer<Float>, _ x: UnsafeMutablePointer<Float>,
    _ w: Storage
  ) {
    let (t, e, m) = (Int32(shape.tokens), Int32(shape.dim), Int32(shape.features))
    vt_sgemm(0, 1, t, m, e, 1, x, 3 * e, w.floats, e, 0, out, m)
    vt_positive_features(
      isa, out, x, 1 / Float(shape.features).squareRoot(), shape.tokens, shape.features, shape.dim,
      3 * shape.dim)
  }

  /// The sums over the keys, `[features]` and `[dim, features]`, and the output with its denominators.
  private func performer(
    _ shape: PerformerShape, _ kqv: UnsafeMutablePointer<Float>, kp: UnsafeMutablePointer<Float>,
    qp: UnsafeMutablePointer<Float>, sum: UnsafeMutablePointer<Float>,
    products: UnsafeMutablePointer<Float>, divisors: UnsafeMutablePointer<Float>,
    out: UnsafeMutablePointer<Float>, _ w: Storage
  ) {
    let (t, e, m) = (shape.tokens, shape.dim, shape.features)
    features(shape, kp, kqv, w)
    features(shape, qp, kqv + e, w)
    vt_column_sums(isa, sum, kp, t, m, m, 0)
    vt_sgemm(
      1, 0, Int32(e), Int32(m), Int32(t), 1, kqv + 2 * e, Int32(3 * e), kp, Int32(m), 0, products,
      Int32(m))
    vt_sgemm(0, 0, Int32(t), 1, Int32(m), 1, qp, Int32(m), sum, 1, 0, divisors, 1)
    vt_sgemm(
      0, 1, Int32(t), Int32(e), Int32(m), 1, qp, Int32(m), products, Int32(m), 0, out, Int32(e))
    for token in 0..<t {
      divisors[token] += shape.eps
      vt_scale(isa, out + token * e, 1 / divisors[token], e)
    }
  }

  func performerForward(_ shape: PerformerShape, out: Storage, kqv: Storage, w: Storage) {
    let (t, e, m) = (shape.tokens, shape.dim, shape.features)
    let perWorker = 2 * t * m + m + e * m + t
    let memory = scratch(threads.threads * perWorker)
    threads.run(pieces: shape.batch) { image, worker in
      let kp = memory.floats + worker * perWorker
      let sum = kp + 2 * t * m
      performer(
        shape, kqv.floats + image * t * 3 * e, kp: kp, qp: kp + t * m, sum: sum, products: sum + m,
        divisors: sum + m + e * m, out: out.floats + image * t * e, w)
    }
  }

  // With N = φ(q) Mᵀ, D = φ(q) S + eps, y = N / D, M = vᵀ φ(k), S = Σ φ(k):
  // dN = dy / D, dD = -(dy · y) / D, dφ(q) = dN M + dD S, dM = dNᵀ φ(q), dS = Σ dD φ(q),
  // dφ(k) = v dM + dS, dv = φ(k) dMᵀ, and dx = (dφ ⊙ φ) w - x Σ (dφ ⊙ φ).
  func performerBackward(
    _ shape: PerformerShape, dkqv: GradientTarget, dout: Storage, kqv: Storage, w: Storage
  ) {
    let (t, e, m) = (shape.tokens, shape.dim, shape.features)
    let perWorker = 4 * t * m + 2 * t * e + 2 * m + 2 * e * m + 3 * t
    let memory = scratch(threads.threads * perWorker)
    let keep: Float = dkqv.accumulate ? 1 : 0
    threads.run(pieces: shape.batch) { image, worker in
      let kp = memory.floats + worker * perWorker
      let qp = kp + t * m
      let dkp = qp + t * m
      let dqp = dkp + t * m
      let y = dqp + t * m
      let dn = y + t * e
      let sum = dn + t * e
      let dsum = sum + m
      let products = dsum + m
      let dproducts = products + e * m
      let divisors = dproducts + e * m
      let dd = divisors + t
      let totals = dd + t
      let x = kqv.floats + image * t * 3 * e
      let dx = dkqv.storage.floats + image * t * 3 * e
      let dy = dout.floats + image * t * e
      let (ti, ei, mi, row) = (Int32(t), Int32(e), Int32(m), Int32(3 * e))
      performer(
        shape, x, kp: kp, qp: qp, sum: sum, products: products, divisors: divisors, out: y, w)
      vt_row_dots(isa, dd, dy, y, t, e, e, e)
      for token in 0..<t {
        dd[token] /= -divisors[token]
        for c in 0..<e { dn[token * e + c] = dy[token * e + c] / divisors[token] }
      }
      vt_sgemm(0, 0, ti, mi, ei, 1, dn, ei, products, mi, 0, dqp, mi)
      vt_sgemm(0, 0, ti, mi, 1, 1, dd, 1, sum, mi, 1, dqp, mi)
      vt_sgemm(1, 0, ei, mi, ti, 1, dn, ei, qp, mi, 0, dproducts, mi)
      vt_sgemm(1, 0, 1, mi, ti, 1, dd, 1, qp, mi, 0, dsum, mi)
      for token in 0..<t { (dkp + token * m).update(from: dsum, count: m) }
      vt_sgemm(0, 0, ti, mi, ei, 1, x + 2 * e, row, dproducts, mi, 1, dkp, mi)
      vt_sgemm(0, 1, ti, ei, mi, 1, kp, mi, dproducts, mi, keep, dx + 2 * e, row)
      for (d, p, at) in [(dkp, kp, 0), (dqp, qp, e)] {
        vt_positive_features_backward(isa, d, totals, p, t, m)
        vt_sgemm(0, 0, ti, ei, mi, 1, d, mi, w.floats, ei, keep, dx + at, row)
        for token in 0..<t {
          let out = dx + token * 3 * e + at
          vt_add_scaled(isa, out, out, x + token * 3 * e + at, -totals[token], e)
        }
      }
    }
  }
}
