import CKernels
import Testing
import TestSupport

@testable import VTTensor

/// The fast variants of the kernels on grids against their scalar references.
struct VisionKernelParityTests {
  static let variants = KernelParityTests.variants
  static let lengths = [1, 3, 7, 8, 9, 16, 31, 40]

  func numbers(_ count: Int, _ index: UInt64, scale: Double = 1) -> [Float] {
    KernelParityTests.numbers(count, index, scale: scale)
  }

  @Test func depthwiseConvolution() {
    for variant in Self.variants {
      for channels in Self.lengths + [64, 100] {
        for (kernel, stride, padding) in [(3, 1, 1), (3, 2, 1), (2, 3, 0), (9, 1, 4)] {
          let g = ConvolutionGeometry(
            batch: 1, height: 7, width: 5, channels: channels, kernel: kernel, stride: stride,
            padding: padding)
          let x = numbers(35 * channels, 3)
          let weight = numbers(kernel * kernel * channels, 4)
          let dy = numbers(g.outCells * channels, 5)
          func run(_ isa: vt_isa) -> [[Float]] {
            var y = [Float](repeating: 0, count: dy.count)
            vt_depthwise_forward(isa, &y, x, weight, g.kernelGeometry, 0, g.outHeight)
            var dx = numbers(x.count, 6)
            vt_depthwise_backward_input(isa, &dx, dy, weight, g.kernelGeometry, 1)
            var fresh = numbers(x.count, 8)
            vt_depthwise_backward_input(isa, &fresh, dy, weight, g.kernelGeometry, 0)
            var dweight = numbers(weight.count, 7)
            vt_depthwise_backward_weight(isa, &dweight, dy, x, g.kernelGeometry)
            return [y, dx, fresh, dweight]
          }
          for (a, b) in zip(run(variant), run(VT_ISA_SCALAR)) {
            expectClose(a, b, relative: 1e-5, absolute: 1e-5, "\(channels) channels")
          }
        }
      }
    }
  }

  @Test func batchNorm() {
    let rows = 13
    for variant in Self.variants {
      for cols in Self.lengths {
        let x = numbers(rows * cols, 8).map { $0 + 2 }
        let (scale, shift) = (numbers(cols, 9), numbers(cols, 10))
        let (residual, dy) = (numbers(rows * cols, 11), numbers(rows * cols, 12))
        func run(_ isa: vt_isa, relu: Int32) -> [[Float]] {
          var (mean, m2) = ([Float](repeating: 0, count: cols), [Float](repeating: 0, count: cols))
          vt_column_moments(isa, &mean, &m2, x, rows, cols)
          var y = [Float](repeating: 0, count: rows * cols)
          vt_channel_affine(isa, &y, x, scale, shift, residual, relu, rows, cols)
          var results = [mean, m2, y]
          // Behind the output's gate, the input's, and none.
          for which in 0..<3 {
            y.withUnsafeBufferPointer { y in
              scale.withUnsafeBufferPointer { scale in
                shift.withUnsafeBufferPointer { shift in
                  let gate = vt_gate(
                    y: which == 0 ? y.baseAddress : nil, scale: which == 1 ? scale.baseAddress : nil,
                    shift: which == 1 ? shift.baseAddress : nil)
                  var (sums, dots) = (numbers(cols, 13), numbers(cols, 14))
                  vt_batch_norm_sums(
                    isa, &sums, &dots, dy, gate, x, scale.baseAddress, rows, cols)
                  var (dx, dz) = (numbers(rows * cols, 15), numbers(rows * cols, 16))
                  vt_batch_norm_input(
                    isa, &dx, &dz, dy, gate, x, scale.baseAddress, shift.baseAddress, scale.baseAddress,
                    shift.baseAddress, rows, cols, relu, 1 - relu)
                  results += [sums, dots, dx, dz]
                }
              }
            }
          }
          return results
        }
        for relu: Int32 in [0, 1] {
          for (index, (a, b)) in zip(run(variant, relu: relu), run(VT_ISA_SCALAR, relu: relu)).enumerated() {
            expectClose(a, b, relative: 1e-5, absolute: 2e-5, "output \(index), \(cols) columns")
          }
        }
      }
    }
  }

  @Test func maxPool() {
    for variant in Self.variants {
      for channels in [1, 5, 8, 24] {
        for (kernel, stride, padding) in [(3, 2, 1), (2, 2, 0), (3, 1, 2)] {
          let g = ConvolutionGeometry(
            batch: 1, height: 9, width: 7, channels: channels, kernel: kernel, stride: stride,
            padding: padding)
          var x = numbers(63 * channels, 20)
          x[11 * channels] = .nan
          x[12 * channels] = -.infinity
          func run(_ isa: vt_isa) -> ([UInt32], [UInt8]) {
            var y = [Float](repeating: 0, count: g.outCells * channels)
            var which = [UInt8](repeating: 0, count: y.count)
            vt_max_pool(isa, &y, &which, x, g.kernelGeometry, 0, g.outCells)
            return (y.map(\.bitPattern), which)
          }
          #expect(run(variant) == run(VT_ISA_SCALAR), "\(channels) channels, kernel \(kernel)")
        }
      }
    }
  }

  @Test func positiveFeatures() {
    let rows = 5
    for variant in Self.variants {
      for (features, dim) in [(1, 3), (8, 16), (11, 9), (32, 64)] {
        let ld = dim + 4
        let x = numbers(rows * ld, 16, scale: 0.5)
        let (wx, dp) = (numbers(rows * features, 17), numbers(rows * features, 18))
        func run(_ isa: vt_isa) -> [[Float]] {
          var p = wx
          vt_positive_features(isa, &p, x, 0.7, rows, features, dim, ld)
          var (d, sums) = (dp, [Float](repeating: 0, count: rows))
          vt_positive_features_backward(isa, &d, &sums, p, rows, features)
          return [p, d, sums]
        }
        for (a, b) in zip(run(variant), run(VT_ISA_SCALAR)) {
          expectClose(a, b, relative: 1e-5, absolute: 1e-6, "\(features) features")
        }
      }
    }
  }

  /// Unfolding by hand: every cell of every neighbourhood, zeros in the padding.
  @Test(arguments: [(3, 1, 1), (3, 2, 1), (2, 2, 0), (7, 4, 2)])
  func unfolding(_ kernel: Int, _ stride: Int, _ padding: Int) {
    let g = ConvolutionGeometry(
      batch: 1, height: 6, width: 8, channels: 3, kernel: kernel, stride: stride, padding: padding)
    let x = numbers(48 * 3, 19)
    var (last, first) = (
      [Float](repeating: 9, count: g.outCells * g.columnLength),
      [Float](repeating: 9, count: g.outCells * g.columnLength)
    )
    vt_unfold(&last, x, g.kernelGeometry, 0, g.outCells)
    vt_unfold_channels(&first, x, g.kernelGeometry, 0, g.outCells)
    for cell in 0..<g.outCells {
      for k in 0..<kernel * kernel {
        let row = cell / g.outWidth * stride + k / kernel - padding
        let column = cell % g.outWidth * stride + k % kernel - padding
        for c in 0..<3 {
          let inside = (0..<6).contains(row) && (0..<8).contains(column)
          let expected: Float = inside ? x[(row * 8 + column) * 3 + c] : 0
          #expect(last[cell * g.columnLength + k * 3 + c] == expected)
          #expect(first[cell * g.columnLength + c * kernel * kernel + k] == expected)
        }
      }
    }
  }

  /// Windows by hand: who is in them after the roll, and who may see whom.
  @Test func windowLayouts() {
    let plain = WindowLayout(height: 4, width: 4, window: 2, shift: 0, padding: .padThenRoll)
    #expect(plain.windows == 4 && plain.masks.isEmpty && plain.maskOfWindow == [nil, nil, nil, nil])
    #expect(plain.cells == [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15])
    let shifted = WindowLayout(height: 4, width: 4, window: 2, shift: 1, padding: .padThenRoll)
    #expect(shifted.cells == [5, 6, 9, 10, 7, 4, 11, 8, 13, 14, 1, 2, 15, 12, 3, 0])
    // The first window is one neighbourhood, the last is made of four.
    #expect(shifted.maskOfWindow[0] == nil && shifted.masks.count == 3)
    let ld = vt_score_stride(4)
    let mask = shifted.maskOfWindow[3].map { shifted.masks[$0] } ?? []
    for i in 0..<4 {
      for j in 0..<4 { #expect(mask[i * ld + j] == (i == j ? 0 : -100)) }
    }
    // A grid of 3 under windows of 2 with a shift of 1: where the empty cells come.
    let first = WindowLayout(height: 1, width: 3, window: 2, shift: 1, padding: .padThenRoll)
    let later = WindowLayout(height: 1, width: 3, window: 2, shift: 1, padding: .rollThenPad)
    #expect(
      Set(first.cells).isSuperset(of: [0, 1, 2, -1]) && Set(later.cells).isSuperset(of: [0, 1, 2, -1]))
    #expect(first.cells != later.cells)
    // Relative positions: 3 x 3 distances for a window of 2.
    #expect((0..<4).map { plain.tableRow(0, $0) } == [4, 3, 1, 0])
  }
}
