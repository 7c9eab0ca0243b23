import CKernels
import Foundation
import Testing
import TestSupport

@testable import VTTensor

/// One head of attention, forward and back, against the definition in double: with and without bias and mask, over
/// one tile and over several in both directions, with rows that are apart.
struct AttentionKernelTests {
  private func numbers(_ count: Int, _ index: UInt64) -> [Float] { KernelParityTests.numbers(count, index) }

  struct Sizes: CustomTestStringConvertible {
    let (queries, keys, dim, isBiased): (Int, Int, Int, Bool)
    var testDescription: String { "\(queries) x \(keys) x \(dim), biased \(isBiased)" }
    init(_ queries: Int, _ keys: Int, _ dim: Int, _ isBiased: Bool) {
      (self.queries, self.keys, self.dim, self.isBiased) = (queries, keys, dim, isBiased)
    }
  }

  static let sizes = [
    Sizes(1, 1, 1, false), Sizes(49, 49, 8, true), Sizes(7, 30, 5, true), Sizes(101, 16, 3, false),
    Sizes(265, 100, 4, true), Sizes(530, 7, 6, true),
  ]

  @Test(arguments: sizes)
  func headMatchesItsDefinition(_ s: Sizes) {
    let (t, n, e, ld) = (s.queries, s.keys, s.dim, s.dim + 3)
    let (q, k, v) = (numbers(t * ld, 1), numbers(n * ld, 2), numbers(n * ld, 3))
    let (bias, dout) = (numbers(t * n, 4), numbers(t * ld, 5))
    let mask = (0..<t * n).map { Float($0 % 5 == 3 ? -100 : 0) }
    let scale = 0.4
    // The definition.
    var p = [Double](repeating: 0, count: t * n)
    var lse = [Float](repeating: 0, count: t)
    var out = [Float](repeating: 0, count: t * ld)
    for i in 0..<t {
      for j in 0..<n {
        var dot = 0.0
        for c in 0..<e { dot += Double(q[i * ld + c]) * Double(k[j * ld + c]) }
        p[i * n + j] = dot * scale + (s.isBiased ? Double(bias[i * n + j] + mask[i * n + j]) : 0)
      }
      let row = i * n..<(i + 1) * n
      let largest = p[row].max() ?? 0
      let sum = p[row].reduce(0) { $0 + exp($1 - largest) }
      lse[i] = Float(largest + log(sum))
      for j in row { p[j] = exp(p[j] - largest) / sum }
      for c in 0..<e {
        out[i * ld + c] = Float((0..<n).reduce(0) { $0 + p[i * n + $1] * Double(v[$1 * ld + c]) })
      }
    }
    let (dq0, dk0, dv0, db0) = (numbers(t * ld, 6), numbers(n * ld, 7), numbers(n * ld, 8), numbers(t * n, 9))
    var (dq, dk, dv, db) = (
      dq0.map(Double.init), dk0.map(Double.init), dv0.map(Double.init), db0.map(Double.init)
    )
    for i in 0..<t {
      var dp = [Double](repeating: 0, count: n)
      for j in 0..<n {
        for c in 0..<e {
          dp[j] += Double(dout[i * ld + c]) * Double(v[j * ld + c])
          dv[j * ld + c] += p[i * n + j] * Double(dout[i * ld + c])
        }
      }
      let delta = (0..<n).reduce(0) { $0 + p[i * n + $1] * dp[$1] }
      for j in 0..<n {
        let ds = p[i * n + j] * (dp[j] - delta)
        db[i * n + j] += ds
        for c in 0..<e {
          dq[i * ld + c] += ds * scale * Double(k[j * ld + c])
          dk[j * ld + c] += ds * scale * Double(q[i * ld + c])
        }
      }
    }
    let (forwardLd, backwardLd) = (vt_score_stride(n), vt_score_stride(t))
    func padded(_ x: [Float], turned: Bool) -> [Float] {
      var y = [Float](repeating: 0, count: turned ? n * backwardLd : t * forwardLd)
      for i in 0..<t { for j in 0..<n { y[turned ? j * backwardLd + i : i * forwardLd + j] = x[i * n + j] } }
      return y
    }
    for isa in ProductTests.variants {
      func withHead(turned: Bool, _ body: (vt_head) -> Void) {
        let (b, m) = (padded(bias, turned: turned), padded(mask, turned: turned))
        q.withUnsafeBufferPointer { q in
          k.withUnsafeBufferPointer { k in
            v.withUnsafeBufferPointer { v in
              b.withUnsafeBufferPointer { b in
                m.withUnsafeBufferPointer { m in
                  body(
                    vt_head(
                      queries: t, keys: n, dim: e, scale: Float(scale), q: q.baseAddress, k: k.baseAddress,
                      v: v.baseAddress, ldq: ld, ldk: ld, ldv: ld, bias: s.isBiased ? b.baseAddress : nil,
                      mask: s.isBiased ? m.baseAddress : nil))
                }
              }
            }
          }
        }
      }
      var (y, l) = (out.map { _ in Float(0) }, lse.map { _ in Float.nan })
      withHead(turned: false) { head in
        var scratch = [Float](repeating: .nan, count: vt_attention_forward_scratch(n, e))
        vt_attention_forward(isa, head, &y, ld, &l, &scratch)
      }
      expectClose(y, out, relative: 1e-5, absolute: 2e-5, "output, \(isa)")
      expectClose(l, lse, relative: 1e-5, absolute: 2e-5, "logarithms, \(isa)")
      var (gq, gk, gv, gb) = (dq0, dk0, dv0, padded(db0, turned: true))
      withHead(turned: true) { head in
        var scratch = [Float](repeating: .nan, count: vt_attention_backward_scratch(t, n, e))
        gq.withUnsafeMutableBufferPointer { gq in
          gk.withUnsafeMutableBufferPointer { gk in
            gv.withUnsafeMutableBufferPointer { gv in
              vt_attention_backward(
                isa, head,
                vt_head_gradient(
                  dq: gq.baseAddress, dk: gk.baseAddress, dv: gv.baseAddress, ldq: ld, ldk: ld, ldv: ld,
                  keep_q: 1, keep_k: 1, keep_v: 1), dout, out, ld, lse, &gb, &scratch)
            }
          }
        }
      }
      expectCloseToLargest(gq, dq.map { Float($0) }, 1e-5, "queries, \(isa)")
      expectCloseToLargest(gk, dk.map { Float($0) }, 1e-5, "keys, \(isa)")
      expectCloseToLargest(gv, dv.map { Float($0) }, 1e-5, "values, \(isa)")
      let turned = padded(db.map { Float($0) }, turned: true)
      for j in 0..<n {
        let row = j * backwardLd..<j * backwardLd + t
        expectCloseToLargest(Array(gb[row]), Array(turned[row]), 1e-5, "bias of key \(j), \(isa)")
      }
    }
  }
}
