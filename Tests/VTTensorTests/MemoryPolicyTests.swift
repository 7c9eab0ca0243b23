import Testing
import TestSupport
import VTCore

@testable import VTTensor

/// What the tape's memory policy releases, and that no bit depends on it.
struct MemoryPolicyTests {
  let engine = Engine(threads: 2)

  func numbers(_ count: Int, _ index: UInt64) -> [Float] { KernelParityTests.numbers(count, index) }

  private func parameters(_ shapes: [[Int]], _ first: UInt64) -> [Tensor] {
    shapes.enumerated().map { index, shape in
      Tensor.parameter(numbers(shape.reduce(1, *), first + UInt64(index)), shape, engine: engine)
    }
  }

  private func norm(_ gamma: Tensor, _ beta: Tensor) -> BatchNormParameters {
    BatchNormParameters(
      gamma: gamma, beta: beta, runningMean: engine.zeros(gamma.shape),
      runningVariance: engine.tensor([Float](repeating: 1, count: gamma.count), gamma.shape))
  }

  /// A norm's output is released when nothing in the forward pass can read it any more.
  @Test(arguments: [true, false])
  func cheapBuffersAreRecomputedAtEachUse(frozen: Bool) {
    func gradients(_ memory: MemoryPolicy) -> [[Float]] {
      let inputs = parameters([[2, 4, 5, 8], [8], [8], [6, 8, 3, 3]], 60)
      let tape = Tape(engine, recording: true, training: true, memory: memory)
      /// Drops the norm's tensor; its value is left.
      func convolved() -> (norm: Value, before: [Float], output: Tensor) {
        let y = tape.batchNorm(inputs[0], norm(inputs[1], inputs[2]), eps: 1e-5, frozen: frozen, relu: true)
        #expect(y.storage === y.storage)
        return (y.value, y.values, tape.convolution(y, weight: inputs[3], bias: nil, stride: 1, padding: 1))
      }
      let (y, before, z) = convolved()
      #expect((y.storage === y.storage) == (memory == .fast))
      #expect(y.storage.values == before)
      tape.backward(from: z, cotangent: numbers(z.count, 70))
      return inputs.map(\.gradientValues)
    }
    let kept = gradients(.fast)
    #expect(kept.allSatisfy { $0.contains { $0 != 0 } })
    #expect(kept == gradients(.balanced))
  }

  /// Attention's output and a residual block's are recomputed once, then kept until the backward pass has passed; of a chain
  /// of blocks every second one is never released.
  @Test func costlyBuffersAreRecomputedOnce() {
    func gradients(_ memory: MemoryPolicy) -> [[Float]] {
      let inputs = parameters([[2, 2, 24], [8, 8], [8], [8], [8], [8]], 80)
      let tape = Tape(engine, recording: true, training: true, memory: memory)
      struct Kept {
        let value: Value
        let storage: Storage
        let numbers: [Float]
        init(_ tensor: Tensor) { (value, storage, numbers) = (tensor.value, tensor.storage, tensor.values) }
      }
      func pass() -> (costly: [Kept], held: Kept, output: Tensor) {
        let mixed = tape.attention(qkv: inputs[0], heads: 2, headDim: 4, scale: 0.5)
        let projected = tape.linear(mixed, weight: inputs[1], bias: nil)
        let shortcut = tape.batchNorm(projected, norm(inputs[2], inputs[3]), eps: 1e-5)
        let first = tape.batchNorm(
          projected, norm(inputs[4], inputs[5]), eps: 1e-5, residual: shortcut, relu: true)
        let second = tape.batchNorm(projected, norm(inputs[4], inputs[3]), eps: 1e-5, residual: first)
        return ([Kept(mixed), Kept(first)], Kept(second), tape.linear(second, weight: inputs[1], bias: nil))
      }
      let (costly, held, z) = pass()
      for kept in costly {
        #expect((kept.value.storage === kept.storage) == (memory == .fast))
        #expect(kept.value.storage === kept.value.storage)
        #expect(kept.value.storage.values == kept.numbers)
      }
      #expect(held.value.storage === held.storage)
      tape.backward(from: z, cotangent: numbers(z.count, 90))
      return inputs.map(\.gradientValues)
    }
    let kept = gradients(.fast)
    #expect(kept.allSatisfy { $0.contains { $0 != 0 } })
    #expect(kept == gradients(.balanced))
  }

  /// A view keeps its source in memory as long as it is in use.
  @Test func viewsShareAndKeepTheirSource() {
    let x = parameters([[1, 2, 3, 4], [4], [4]], 60)
    let tape = Tape(engine, recording: true, training: true)
    var view: Tensor?
    func viewed() -> Value {
      let y = tape.batchNorm(x[0], norm(x[1], x[2]), eps: 1e-5)
      view = tape.reshaped(y, [1, 6, 4])
      return y.value
    }
    let y = viewed()
    #expect(y.storage === y.storage && view?.storage === y.storage)
    view = nil
    #expect(y.storage !== y.storage)
  }

  /// What no operation can recompute stays.
  @Test func whatCannotBeRecomputedStays() {
    let tape = Tape(engine, recording: true, training: true)
    let x = parameters([[1, 2, 3, 4]], 60)[0]
    let y = tape.groupNorm(
      x, gamma: engine.tensor([1, 1, 1, 1], [4]), beta: engine.zeros([4]), groups: 2, eps: 1e-5
    ).value
    #expect(y.storage === y.storage)
  }

  /// A block that is computed again gives the same bits, random masks and running statistics included.
  @Test func recomputingChangesNothing() {
    func run(recomputes: Bool) -> [[Float]] {
      let x = Tensor.parameter(numbers(4 * 3 * 8, 90), [4, 3, 8], engine: engine)
      let w = Tensor.parameter(numbers(64, 91), [8, 8], engine: engine)
      let g = Tensor.parameter(numbers(8, 92), [8], engine: engine)
      let (mean, variance) = (engine.zeros([8]), engine.zeros([8]))
      let tape = Tape(
        engine, recording: true, training: true, random: RandomKey(seed: 3, purpose: .dropout),
        memory: recomputes ? .recomputeBlocks : .balanced)
      var y = x
      for _ in 0..<3 {
        y = tape.recomputing(y) { y, tape in
          let h = tape.batchNorm(
            y,
            BatchNormParameters(gamma: g, beta: g, runningMean: mean, runningVariance: variance),
            eps: 1e-5)
          let d = tape.dropout(h, rate: 0.3)
          return tape.linear(
            d, weight: w, bias: g, activation: .gelu, residual: y,
            dropPath: DropPath(rate: 0.4, rowsPerSample: 3))
        }
      }
      tape.backward(from: y, cotangent: numbers(y.count, 93))
      return [
        y.values, x.gradientValues, w.gradientValues, g.gradientValues, mean.values, variance.values,
      ]
    }
    let (plain, again) = (run(recomputes: false), run(recomputes: true))
    #expect(plain == again)
    #expect(plain[1].contains { $0 != 0 })
  }
}
