import CKernels
import Testing
import TestSupport

@testable import VTTensor

/// Every variant of the product kernels against the definition itself, in double: edges in every direction, more
/// rows and depth than a block has, numbers between the rows that must stay as they were.
struct ProductTests {
  static let variants = Engine.supportedInstructions.map(\.kernel)
  private func numbers(_ count: Int, _ index: UInt64) -> [Float] { KernelParityTests.numbers(count, index) }

  @Test func products() {
    for (rows, cols, depth) in [(1, 1, 1), (5, 17, 3), (97, 40, 33), (200, 16, 330), (13, 70, 700)] {
      for (transposed, accumulate) in [(false, false), (true, false), (true, true)] {
        let (lda, ldc) = (depth + 3, cols + 5)
        let a = numbers(rows * lda, 8)
        let ldb = (transposed ? depth : cols) + 1
        let b = numbers((transposed ? cols : depth) * ldb, 9)
        let bias = numbers(cols, 10)
        let before = numbers(rows * ldc, 11)
        let residual = numbers(rows * ldc, 12)
        let scale = numbers(rows, 13)
        var panels = [Float](repeating: .nan, count: vt_panels_size(depth, cols))
        vt_pack_panels(VT_ISA_SCALAR, &panels, b, ldb, transposed ? 1 : 0, depth, cols)
        for set in Engine.supportedInstructions {
          var same = [Float](repeating: .nan, count: panels.count)
          vt_pack_panels(set.kernel, &same, b, ldb, transposed ? 1 : 0, depth, cols)
          #expect(same == panels)
        }
        var (expected, finished) = (before, before)
        for i in 0..<rows {
          for j in 0..<cols {
            var sum = Double(bias[j]) + (accumulate ? Double(before[i * ldc + j]) : 0)
            for p in 0..<depth {
              sum += Double(a[i * lda + p]) * Double(transposed ? b[j * ldb + p] : b[p * ldb + j])
            }
            expected[i * ldc + j] = Float(sum)
            finished[i * ldc + j] = Float(Double(residual[i * ldc + j]) + Double(scale[i]) * max(0, sum))
          }
        }
        for isa in Self.variants {
          var (c, out) = (before, before)
          a.withUnsafeBufferPointer { a in
            out.withUnsafeMutableBufferPointer { out in
              bias.withUnsafeBufferPointer { bias in
                residual.withUnsafeBufferPointer { residual in
                  scale.withUnsafeBufferPointer { scale in
                    var finish = vt_epilogue()
                    finish.kind = VT_ACTIVATION_RELU
                    finish.out = out.baseAddress
                    finish.bias = bias.baseAddress
                    finish.residual = residual.baseAddress
                    finish.row_scale = scale.baseAddress
                    vt_product(
                      isa, &c, ldc,
                      vt_gemm_a(
                        data: a.baseAddress, stride: lda, depth: depth, kernel_offsets: 1, cells: nil,
                        offset_stride: 0),
                      panels, rows, cols, accumulate ? 1 : 0, finish)
                  }
                }
              }
            }
          }
          let what = "\(isa) \(rows) x \(cols) x \(depth)"
          expectClose(c, expected, relative: 1e-6, absolute: 2e-5, what)
          expectClose(out, finished, relative: 1e-6, absolute: 5e-5, what)
        }
      }
    }
  }

  /// A product that is an activation's gradient, beside the product and the gradient one after the other.
  @Test func activationGradientsOfProducts() {
    for (rows, cols, depth) in [(7, 5, 3), (101, 37, 400), (96, 64, 32)] {
      var (a, b) = (numbers(rows * depth, 1), numbers(cols * depth, 2))
      let before = numbers(rows * cols, 3)
      for isa in Self.variants + [VT_ISA_SCALAR] {
        var panels = [Float](repeating: 0, count: vt_panels_size(depth, cols))
        vt_pack_panels(isa, &panels, &b, depth, 1, depth, cols)
        func product(_ c: UnsafeMutablePointer<Float>, _ finish: vt_epilogue) {
          a.withUnsafeMutableBufferPointer { a in
            vt_product(
              isa, c, cols,
              vt_gemm_a(
                data: a.baseAddress, stride: depth, depth: depth, kernel_offsets: 1, cells: nil,
                offset_stride: 0),
              panels, rows, cols, 0, finish)
          }
        }
        var (c, gradient) = (before, before)
        product(&c, vt_epilogue())
        var (again, sums) = (before, [Float](repeating: 0, count: cols))
        vt_activation_backward(isa, VT_ACTIVATION_GELU, &gradient, &again, c, before, rows, cols, cols)
        vt_column_sums(isa, &sums, gradient, rows, cols, cols, 0)
        // The gradient in the place of what went in, the activation in the product's.
        var (fused, place) = (before, [Float](repeating: .nan, count: rows * cols))
        var fusedSums = [Float](repeating: .nan, count: cols)
        fused.withUnsafeMutableBufferPointer { fused in
          place.withUnsafeMutableBufferPointer { place in
            fusedSums.withUnsafeMutableBufferPointer { sums in
              var finish = vt_epilogue()
              finish.kind = VT_ACTIVATION_GELU
              finish.out = fused.baseAddress
              finish.before = UnsafePointer(fused.baseAddress)
              finish.again = place.baseAddress
              finish.sums = sums.baseAddress
              product(place.baseAddress!, finish)
            }
          }
        }
        #expect(fused == gradient && place == again, "\(isa) \(rows) x \(cols) x \(depth)")
        expectClose(fusedSums, sums, relative: 1e-5, absolute: 1e-5, "\(isa) \(rows) rows")
      }
    }
  }

  /// Rows gathered from several places, some of them outside.
  @Test func gatheredProducts() {
    let (offsets, depth, cols, rows, sources) = (3, 35, 21, 101, 40)
    let data = numbers(sources * depth, 1)
    let cells = (0..<offsets * rows).map { Int32(($0 * 7 + 3) % (sources + 5)) }.map {
      $0 >= sources ? -1 : $0
    }
    let b = numbers(cols * offsets * depth, 2)
    var panels = [Float](repeating: .nan, count: vt_panels_size(offsets * depth, cols))
    vt_pack_panels(VT_ISA_PORTABLE, &panels, b, offsets * depth, 1, offsets * depth, cols)
    var expected = [Float](repeating: 0, count: rows * cols)
    for i in 0..<rows {
      for j in 0..<cols {
        var sum = 0.0
        for offset in 0..<offsets where cells[offset * rows + i] >= 0 {
          for p in 0..<depth {
            sum +=
              Double(data[Int(cells[offset * rows + i]) * depth + p])
              * Double(b[(j * offsets + offset) * depth + p])
          }
        }
        expected[i * cols + j] = Float(sum)
      }
    }
    for isa in Self.variants {
      var c = [Float](repeating: .nan, count: rows * cols)
      data.withUnsafeBufferPointer { data in
        cells.withUnsafeBufferPointer { cells in
          vt_product(
            isa, &c, cols,
            vt_gemm_a(
              data: data.baseAddress, stride: depth, depth: depth, kernel_offsets: offsets,
              cells: cells.baseAddress,
              offset_stride: rows),
            panels, rows, cols, 0, vt_epilogue())
        }
      }
      expectClose(c, expected, relative: 1e-6, absolute: 2e-5, "\(isa)")
    }
  }

  @Test func productsOverRows() {
    for (rows, m, n) in [(1, 1, 1), (7, 13, 17), (200, 6, 16), (391, 25, 70), (193, 40, 33)] {
      for (gathers, norms, accumulate) in [(false, false, false), (true, false, true), (false, true, true)] {
        let (lda, ldb, ldc) = (m + 2, n + 3, n + 1)
        let (a, b) = (numbers(rows * lda, 1), numbers(rows * ldb, 2))
        let cells = (0..<rows).map { Int32($0 % 3 == 1 ? -1 : rows - 1 - $0) }
        let (mean, rstd, scale) = (numbers(rows, 3), numbers(rows, 4), numbers(rows, 5))
        let (gamma, beta) = (numbers(n, 6), numbers(n, 7))
        let before = numbers(m * ldc, 8)
        var expected = before
        for i in 0..<m {
          for j in 0..<n {
            var sum = accumulate ? Double(before[i * ldc + j]) : 0
            for r in 0..<rows {
              let from = gathers ? Int(cells[r]) : r
              if from < 0 { continue }
              var v = Double(b[from * ldb + j])
              if norms { v = (v - Double(mean[r])) * Double(rstd[r]) * Double(gamma[j]) + Double(beta[j]) }
              sum += Double(a[r * lda + i]) * Double(scale[r]) * v
            }
            expected[i * ldc + j] = Float(sum)
          }
        }
        for isa in Self.variants {
          var c = before
          var scratch = [Float](repeating: .nan, count: vt_weight_product_scratch(m))
          b.withUnsafeBufferPointer { b in
            cells.withUnsafeBufferPointer { cells in
              mean.withUnsafeBufferPointer { mean in
                rstd.withUnsafeBufferPointer { rstd in
                  gamma.withUnsafeBufferPointer { gamma in
                    beta.withUnsafeBufferPointer { beta in
                      vt_weight_product(
                        isa, &c, ldc, a, lda, scale,
                        vt_gemm_b(
                          data: b.baseAddress, stride: ldb, cells: gathers ? cells.baseAddress : nil,
                          kernel_offsets: 1, offset_stride: 0, offset_width: 0,
                          mean: norms ? mean.baseAddress : nil,
                          rstd: rstd.baseAddress,
                          gamma: gamma.baseAddress, beta: beta.baseAddress),
                        rows, m, n, accumulate ? 1 : 0, &scratch)
                    }
                  }
                }
              }
            }
          }
          expectClose(c, expected, relative: 1e-5, absolute: 2e-4, "\(isa) \(rows) x \(m) x \(n)")
        }
      }
    }
  }

  @Test func rowBlocksCoverEveryRowOnce() {
    for rows in [0, 1, 5, 6, 7, 95, 96, 97, 392, 3152, 50176] {
      let blocks = RowBlocks(rows)
      var next = 0
      for index in 0..<blocks.count {
        #expect(blocks[index].lowerBound == next && blocks[index].count <= blocks.largest)
        next = blocks[index].upperBound
      }
      #expect(next == rows)
      if rows > 96 { #expect(blocks.count % 4 == 0 && blocks.largest <= 96) }
    }
  }
}
