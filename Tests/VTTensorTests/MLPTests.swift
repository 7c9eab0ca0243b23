import Testing
import TestSupport
import VTCore

@testable import VTTensor

/// What is true of the MLP beyond single operations (`OperationTests`).
struct MLPTests {
  let engine = Engine(threads: 2)

  func numbers(_ count: Int, _ index: UInt64) -> [Float] { KernelParityTests.numbers(count, index) }

  /// The whole does what its parts do, to rounding, with more rows than a block has; and so do its gradients, where
  /// the input already has one.
  @Test func mlpIsItsParts() {
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
}
