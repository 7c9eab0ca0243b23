import CKernels
import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTTensor

/// Every fast variant of every kernel against the scalar reference, on sizes that are not a multiple of
/// anything.
struct KernelParityTests {
  static let variants = Engine.supportedInstructions.filter { $0 != .scalar }
    .map(\.kernel)
  static let lengths = [1, 2, 7, 8, 9, 16, 31, 33, 40, 67, 200]

  static func numbers(_ count: Int, _ index: UInt64, scale: Double = 1) -> [Float] {
    var generator = RandomKey(seed: 5, purpose: .synthetic, index: index).generator()
    return (0..<count).map { _ in Float(generator.normal() * scale) }
  }

  @Test(arguments: Activation.allCases)
  func activations(_ activation: Activation) {
    let kind = activation.kernel
    // Beside random numbers: both ends, and where the approximations meet.
    let special: [Float] = [0, -0.0, 1e-8, 1.41421, -1.41421, 3, -5.5, 6, 30, -30, 88, -200]
    for variant in Self.variants {
      for cols in Self.lengths {
        let x = Self.numbers(3 * cols, 1, scale: 3).enumerated().map {
          $0.offset < special.count ? special[$0.offset] : $0.element
        }
        let bias = Self.numbers(cols, 2)
        func run(_ isa: vt_isa) -> ([Float], [Float]) {
          var (pre, y) = (x, [Float](repeating: 0, count: x.count))
          vt_bias_activation(isa, kind, &pre, &y, bias, 3, cols, cols)
          var dx = [Float](repeating: 0, count: x.count)
          vt_activation_backward(isa, kind, &dx, nil, Self.numbers(x.count, 3), pre, 3, cols, cols)
          return (y, dx)
        }
        let (expected, actual) = (run(VT_ISA_SCALAR), run(variant))
        // Both at once, the gradient over what went in.
        for isa in [VT_ISA_SCALAR, variant] {
          let once = run(isa)
          var pre = x.indices.map { x[$0] + bias[$0 % cols] }
          var again = [Float](repeating: 0, count: x.count)
          vt_activation_backward(isa, kind, &pre, &again, Self.numbers(x.count, 3), pre, 3, cols, cols)
          #expect(again == once.0 && pre == once.1, "\(activation) \(cols)")
        }
        expectClose(actual.0, expected.0, relative: 4e-7, absolute: 6e-7, "\(activation) \(cols)")
        expectClose(actual.1, expected.1, relative: 1e-6, absolute: 2e-6, "\(activation)' \(cols)")
      }
    }
  }

  /// Far below zero the GELU is a small difference of numbers near one, and must not be computed as that.
  @Test func geluKeepsItsTail() {
    let x = (0...1100).map { -Float($0) / 100 }
    let expected = x.map { Double($0) * 0.5 * erfc(-Double($0) / 2.0.squareRoot()) }
    for variant in Self.variants {
      var (pre, y) = (x, [Float](repeating: .nan, count: x.count))
      vt_bias_activation(variant, VT_ACTIVATION_GELU, &pre, &y, nil, 1, x.count, x.count)
      for (value, (result, right)) in zip(x, zip(y, expected)) {
        #expect(
          abs(Double(result) - right) <= 5e-6 * abs(right), "\(variant) at \(value): \(result), not \(right)")
      }
    }
  }

  @Test func activationsKeepNaN() {
    for variant in Self.variants + [VT_ISA_SCALAR] {
      for activation in Activation.allCases {
        var (x, y): ([Float], [Float]) = ([.nan, 1], [0, 0])
        vt_bias_activation(variant, activation.kernel, &x, &y, nil, 1, 2, 2)
        #expect(y[0].isNaN && !y[1].isNaN, "\(activation)")
      }
    }
  }

  @Test func layerNorm() {
    for variant in Self.variants {
      for cols in Self.lengths where cols > 1 {
        let rows = 5
        let x = Self.numbers(rows * cols, 4, scale: 2).map { $0 + 3 }
        let (gamma, beta, dy) = (
          Self.numbers(cols, 5), Self.numbers(cols, 6), Self.numbers(rows * cols, 7)
        )
        func run(_ isa: vt_isa, residual: [Float]?) -> [[Float]] {
          var y = [Float](repeating: 0, count: rows * cols)
          var (mean, rstd) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
          vt_layer_norm_forward(isa, &y, &mean, &rstd, x, gamma, beta, rows, cols, 1e-6, 0)
          var dx = Self.numbers(rows * cols, 8)
          var (dgamma, dbeta) = (Self.numbers(cols, 9), Self.numbers(cols, 10))
          vt_layer_norm_backward(
            isa, &dx, &dgamma, &dbeta, dy, x, mean, rstd, gamma, rows, cols, 0, residual)
          return [y, mean, rstd, dx, dgamma, dbeta]
        }
        for residual in [nil, Self.numbers(rows * cols, 11)] {
          let (expected, actual) = (
            run(VT_ISA_SCALAR, residual: residual), run(variant, residual: residual)
          )
          for (index, (a, b)) in zip(actual, expected).enumerated() {
            expectClose(a, b, relative: 2e-5, absolute: 2e-5, "output \(index), \(cols) columns")
          }
        }
      }
    }
  }

  @Test func rowDots() {
    for variant in Self.variants {
      for cols in Self.lengths {
        let (a, b) = (Self.numbers(4 * (cols + 3), 12), Self.numbers(4 * (cols + 3), 13))
        func run(_ isa: vt_isa) -> [Float] {
          var dots = [Float](repeating: 0, count: 4)
          vt_row_dots(isa, &dots, a, b, 4, cols, cols + 3, cols + 3)
          return dots
        }
        expectClose(run(variant), run(VT_ISA_SCALAR), relative: 2e-6, absolute: 5e-6, "\(cols) columns")
      }
    }
  }

  @Test func elementwise() {
    for variant in Self.variants {
      for count in Self.lengths {
        let (a, b) = (Self.numbers(count, 15), Self.numbers(count, 16))
        func run(_ isa: vt_isa) -> [[Float]] {
          var (sum, scaled) = ([Float](repeating: 0, count: count), a)
          vt_add_scaled(isa, &sum, a, b, 0.7, count)
          vt_scale(isa, &scaled, -1.3, count)
          let matrix = Self.numbers(9 * (count + 2), 17)
          var columns = a
          vt_column_sums(isa, &columns, matrix, 9, count, count + 2, 1)
          var (p, m, v) = (a, b, b.map { $0 * $0 })
          for t in 1...3 {
            vt_adamw(
              isa, &p, &m, &v, Self.numbers(count, UInt64(20 + t)), count, 0.01, 0.05, 0.9, 0.999,
              1e-8, 1 - Float(0.9), 1 - Float(0.999), 0.5)
          }
          return [sum, scaled, columns, p, m, v]
        }
        for (index, (x, y)) in zip(run(variant), run(VT_ISA_SCALAR)).enumerated() {
          expectClose(x, y, relative: 3e-6, absolute: 3e-6, "output \(index), \(count) numbers")
        }
      }
    }
  }

  @Test func permuteMatchesIndexArithmetic() {
    let cases: [([Int], [Int32])] = [
      ([2, 3, 5, 7], [3, 2, 0, 1]), ([17, 33], [1, 0]), ([4, 1, 6], [2, 1, 0]), ([5], [0]), ([], []),
      ([2, 3, 4], [0, 1, 2]), ([3, 4, 5], [1, 0, 2]), ([16, 16, 3, 20], [3, 2, 0, 1]),
      ([3, 0, 2], [2, 0, 1]),
    ]
    for (shape, order) in cases {
      let count = shape.reduce(1, *)
      for width in [1, 2, 4, 8, 16] {
        let input = (0..<count * width).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var output = [UInt8](repeating: 0, count: count * width)
        vt_permute_bytes(&output, input, shape, order, Int32(shape.count), width, 0, .max)
        var strides = [Int](repeating: 1, count: shape.count)
        for k in stride(from: shape.count - 2, through: 0, by: -1) {
          strides[k] = strides[k + 1] * shape[k + 1]
        }
        let outShape = order.map { shape[Int($0)] }
        // And row by row, as stretches are made.
        let rows = outShape.first { $0 != 1 } ?? 1
        let row = count * width / max(1, rows)
        var stretches: [UInt8] = []
        for first in stride(from: 0, to: rows, by: 2) {
          var part = [UInt8](repeating: 0, count: min(2, rows - first) * row)
          vt_permute_bytes(&part, input, shape, order, Int32(shape.count), width, first, min(2, rows - first))
          stretches += part
        }
        #expect(stretches == output, "\(shape) \(order) \(width)")
        for flat in 0..<count {
          var (rest, from) = (flat, 0)
          for k in stride(from: outShape.count - 1, through: 0, by: -1) {
            from += rest % outShape[k] * strides[Int(order[k])]
            rest /= outShape[k]
          }
          #expect(
            Array(output[flat * width..<(flat + 1) * width])
              == Array(input[from * width..<(from + 1) * width]), "\(shape) \(order) \(width)")
        }
      }
    }
  }
}
