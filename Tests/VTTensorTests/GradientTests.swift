import Testing
import TestSupport
import VTCore

@testable import VTTensor

/// Every operation's gradient against finite differences of its own forward pass, with a fixed random
/// cotangent and a different length on every axis.
struct GradientTests {
  let engine = Engine(threads: 2)

  func numbers(_ count: Int, _ index: UInt64, scale: Float = 1) -> [Float] {
    KernelParityTests.numbers(count, index).map { $0 * scale }
  }

  /// - Parameters:
  ///   - shapes: of the inputs, which `forward` gets as parameters.
  ///   - step: of the central difference; the operations are smooth at this scale.
  func check(
    _ shapes: [[Int]], step: Float = 5e-3, tolerance: Double = 4e-3, scale: Float = 1,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ forward: (Tape, [Tensor]) -> Tensor
  ) {
    let values = shapes.enumerated().map {
      numbers($0.element.reduce(1, *), UInt64(40 + $0.offset), scale: scale)
    }
    func run(_ values: [[Float]], recording: Bool) -> (Tape, [Tensor], Tensor) {
      let inputs = zip(values, shapes).map { Tensor.parameter($0, $1, engine: engine) }
      let tape = Tape(
        engine, recording: recording, training: true,
        random: RandomKey(seed: 9, purpose: .dropout))
      return (tape, inputs, forward(tape, inputs))
    }
    let (tape, inputs, output) = run(values, recording: true)
    let cotangent = numbers(output.count, 99)
    tape.backward(from: output, cotangent: cotangent)
    func objective(_ values: [[Float]]) -> Double {
      let out = run(values, recording: false).2.values
      return zip(out, cotangent).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }
    for (index, input) in inputs.enumerated() {
      let analytic = input.gradientValues
      var numeric = [Float](repeating: 0, count: analytic.count)
      for i in analytic.indices {
        var (up, down) = (values, values)
        up[index][i] += step
        down[index][i] -= step
        let width = Double(up[index][i]) - Double(down[index][i])
        numeric[i] = Float((objective(up) - objective(down)) / width)
      }
      expectCloseToLargest(
        analytic, numeric, tolerance, "gradient of input \(index) \(shapes[index])",
        sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: Activation.allCases)
  func linear(_ activation: Activation) {
    // ReLU's corner makes single differences unreliable: small steps, larger tolerance.
    check(
      [[3, 5], [7, 5], [7]], step: activation == .relu ? 1e-3 : 5e-3,
      tolerance: activation == .relu ? 3e-2 : 4e-3
    ) { tape, x in
      tape.linear(x[0], weight: x[1], bias: x[2], activation: activation)
    }
  }

  @Test func linearWithResidualAndDropPath() {
    check([[4, 3, 5], [6, 5], [6], [4, 3, 6]]) { tape, x in
      tape.linear(
        x[0], weight: x[1], bias: x[2], activation: .geluTanh, residual: x[3],
        dropPath: DropPath(rate: 0.4, rowsPerSample: 3))
    }
  }

  @Test func linearWithoutBias() {
    check([[3, 5], [9, 5]]) { tape, x in tape.linear(x[0], weight: x[1], bias: nil) }
  }

  @Test func layerNorm() {
    check([[6, 11], [11], [11]]) { tape, x in
      tape.layerNorm(x[0], gamma: x[1], beta: x[2], eps: 1e-6)
    }
  }

  @Test func normAndLinear() {
    check([[6, 11], [11], [11], [7, 11], [7]]) { tape, x in
      tape.normLinear(
        x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 1e-6),
        LinearParameters(weight: x[3], bias: x[4]))
    }
    check([[5, 6], [6], [6], [9, 6]]) { tape, x in
      tape.normLinear(
        x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 0.1, epsOutside: true),
        LinearParameters(weight: x[3], bias: nil))
    }
  }

  @Test(arguments: [Activation.gelu, .geluTanh, .quickGELU])
  func mlp(_ activation: Activation) {
    check([[4, 3, 5], [5], [5], [7, 5], [7], [5, 7], [5]]) { tape, x in
      tape.mlp(
        x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 1e-5),
        LinearParameters(weight: x[3], bias: x[4]), LinearParameters(weight: x[5], bias: x[6]),
        activation: activation, dropPath: DropPath(rate: 0.4, rowsPerSample: 3))
    }
  }

  /// The whole does what its parts do, to rounding, with more rows than a block has; and so do its gradients, where
  /// the input already has one.
  @Test func perceptronIsItsParts() {
    let (rows, width, hidden) = (203, 20, 37)
    let shapes = [[7, 29, width], [width], [width], [hidden, width], [hidden], [width, hidden], [width]]
    func run(fused: Bool) -> [[Float]] {
      let x = shapes.enumerated().map {
        Tensor.parameter(numbers($0.element.reduce(1, *), UInt64($0.offset)), $0.element, engine: engine)
      }
      let tape = Tape(
        engine, recording: true, training: true, random: RandomKey(seed: 9, purpose: .dropout))
      let path = DropPath(rate: 0.3, rowsPerSample: 29)
      let y: Tensor
      if fused {
        y = tape.mlp(
          x[0], LayerNormParameters(gamma: x[1], beta: x[2], eps: 1e-5),
          LinearParameters(weight: x[3], bias: x[4]), LinearParameters(weight: x[5], bias: x[6]),
          activation: .gelu, dropPath: path)
      } else {
        let normed = tape.layerNorm(x[0], gamma: x[1], beta: x[2], eps: 1e-5)
        let h = tape.linear(normed, weight: x[3], bias: x[4], activation: .gelu)
        y = tape.linear(h, weight: x[5], bias: x[6], residual: x[0], dropPath: path)
      }
      let whole = tape.add(y, x[0], scale: 0.3)
      tape.backward(from: whole, cotangent: numbers(rows * width, 50))
      return [whole.values] + x.map(\.gradientValues)
    }
    for (index, (a, b)) in zip(run(fused: true), run(fused: false)).enumerated() {
      expectCloseToLargest(a, b, 1e-5, "output \(index)")
    }
  }

  @Test func attention() {
    check([[2, 7, 3 * 2 * 5]]) { tape, x in
      tape.attention(qkv: x[0], heads: 2, headDim: 5, scale: 0.4)
    }
  }

  @Test func attentionOverSeveralTiles() {
    // More tokens than a tile of queries holds.
    check([[1, 67, 3 * 1 * 2]], tolerance: 1e-2) { tape, x in
      tape.attention(qkv: x[0], heads: 1, headDim: 2, scale: 0.7)
    }
  }

  @Test func patchEmbedding() {
    let images = engine.tensor(numbers(2 * 6 * 9 * 2, 70), [2, 6, 9, 2])
    check([[5, 2, 3, 3], [5], [1, 1, 5], [1, 1, 5], [1, 8, 5]]) { tape, x in
      tape.patchEmbedding(
        images: images, weight: x[0], bias: x[1], patch: 3, prefixTokens: [x[2], x[3]],
        position: x[4])
    }
  }

  @Test func tokens() {
    check([[3, 5, 4]]) { tape, x in
      let one = tape.select(x[0], index: 2)
      return tape.add(one, tape.meanPool(x[0], first: 1), scale: -0.6)
    }
    check([[2, 6, 3], [5, 6], [5]], step: 1e-3, tolerance: 2e-2) { tape, x in
      tape.gatherPairsLinear(x[0], [1, 1, 5, 0], [2, 1, 4, 5], weight: x[1], bias: x[2])
    }
  }

  @Test func losses() {
    check([[4, 6]]) { tape, x in
      tape.scaled(
        tape.crossEntropy(logits: x[0], labels: [5, 0, 2, 2], smoothing: 0.1), by: 1.7)
    }
    check([[4, 7]], step: 2e-3, tolerance: 5e-3) { tape, x in
      tape.scaled(tape.cycleBackRegression(logits: x[0], labels: [6, 0, 3, 2]), by: 1.3)
    }
    check([[3, 4]], step: 1e-3, tolerance: 1e-2) { tape, x in
      tape.l1(predicted: x[0], expected: (0..<12).map { Float($0) - 6 }, scale: 0.3)
    }
  }

  @Test func dropoutAndResidual() {
    check([[4, 3, 5], [4, 3, 5]]) { tape, x in
      tape.addResidual(
        x[0], tape.dropout(x[1], rate: 0.3), dropPath: DropPath(rate: 0.5, rowsPerSample: 3))
    }
  }

  /// A tensor that is used twice gets both gradients, however each operation delivers its own.
  @Test func sharedInputsAddUp() {
    check([[2, 4, 6], [6, 6], [6]]) { tape, x in
      let h = tape.layerNorm(x[0], gamma: x[2], beta: x[2], eps: 1e-5)
      let a = tape.linear(h, weight: x[1], bias: x[2], residual: x[0])
      return tape.add(tape.linear(a, weight: x[1], bias: nil, residual: h), a, scale: 0.5)
    }
  }
}
