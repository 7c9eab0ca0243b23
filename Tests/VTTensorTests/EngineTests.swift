import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTTensor

struct EngineTests {
  /// A small network's forward and backward pass: output and all gradients.
  static func run(threads: Int, instructions: InstructionSet? = nil) -> [[Float]] {
    let engine = Engine(threads: threads, instructions: instructions)
    func parameter(_ shape: [Int], _ index: UInt64, _ scale: Float = 0.2) -> Tensor {
      Tensor.parameter(
        KernelParityTests.numbers(shape.reduce(1, *), index).map { $0 * scale }, shape,
        engine: engine)
    }
    let (d, heads, e) = (72, 3, 24)
    let weights = [
      parameter([d], 1, 1), parameter([d], 2), parameter([3 * heads * e, d], 3),
      parameter([3 * heads * e], 4), parameter([d, heads * e], 5), parameter([d], 6),
      parameter([300, d], 7), parameter([300], 8),
    ]
    let x = parameter([5, 131, d], 9, 1)
    let tape = Tape(
      engine, recording: true, training: true, random: RandomKey(seed: 1, purpose: .dropout))
    let h = tape.layerNorm(x, gamma: weights[0], beta: weights[1], eps: 1e-6)
    let qkv = tape.linear(h, weight: weights[2], bias: weights[3])
    let a = tape.attention(qkv: qkv, heads: heads, headDim: e, scale: 0.2)
    let y = tape.linear(
      a, weight: weights[4], bias: weights[5], residual: x,
      dropPath: DropPath(rate: 0.3, rowsPerSample: 131))
    let z = tape.dropout(
      tape.linear(y, weight: weights[6], bias: weights[7], activation: .gelu), rate: 0.1)
    let loss = tape.crossEntropy(
      logits: tape.meanPool(z, first: 1), labels: engine.tensor([1, 200, 3, 4, 299]))
    tape.backward(from: loss)
    return [z.values, loss.values] + (weights + [x]).map(\.gradientValues)
  }

  @Test func bitsDoNotDependOnTheNumberOfThreads() {
    let one = Self.run(threads: 1)
    for threads in [2, 3, 5] {
      let many = Self.run(threads: threads)
      for (index, (a, b)) in zip(one, many).enumerated() {
        #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "\(threads) threads, output \(index)")
      }
    }
    #expect(one.allSatisfy { $0.contains { $0 != 0 } })
  }

  @Test(arguments: Engine.supportedInstructions)
  func variantsAgreeOverAWholePass(_ instructions: InstructionSet) {
    let reference = Self.run(threads: 2, instructions: .scalar)
    for (index, (a, b)) in zip(Self.run(threads: 2, instructions: instructions), reference).enumerated() {
      expectCloseToLargest(a, b, 3e-5, "\(instructions), output \(index)")
    }
  }

  @Test func secondPassTakesNothingFromTheSystem() {
    let engine = Engine(threads: 2)
    let weight = Tensor.parameter(KernelParityTests.numbers(90 * 60, 1), [90, 60], engine: engine)
    func pass() {
      let tape = Tape(engine, recording: true)
      let x = engine.tensor(KernelParityTests.numbers(50 * 60, 2), [50, 60])
      let y = tape.linear(x, weight: weight, bias: nil, activation: .gelu)
      tape.backward(
        from: tape.l1(predicted: y, expected: engine.tensor(y.values.map { $0 + 1 }, y.shape), scale: 1))
      weight.clearGradient()
    }
    pass()
    let (requests, inUse) = (engine.buffers.systemRequests, engine.buffers.bytesInUse)
    for _ in 0..<3 { pass() }
    #expect(engine.buffers.systemRequests == requests)
    #expect(engine.buffers.bytesInUse == inUse)
  }

  /// Memory is the backend's, whatever else the engine has.
  @Test func storageComesFromTheBackend() {
    let (pool, theirs, ours) = (ThreadPool(threads: 1), BufferPool(), BufferPool())
    let engine = Engine(
      CPUBackend(threads: pool, buffers: theirs, isa: InstructionSet.portable.kernel), threads: pool,
      buffers: ours)
    let tape = Tape(engine, recording: false)
    let x = engine.tensor([3, -2, 0.5], [1, 3])
    #expect(tape.scaled(x, by: 2).values == [6, -4, 1])
    #expect(theirs.bytesInUse > 0 && ours.bytesInUse == 0)
    #expect(engine.tensor([7, -8] as [Int32]).type == .i32)
  }

  @Test func everyPieceRunsOnce() {
    let pool = ThreadPool(threads: 4)
    for pieces in [0, 1, 3, 100, 1000] {
      nonisolated(unsafe) let counts = UnsafeMutablePointer<Int>.allocate(capacity: max(1, pieces))
      counts.initialize(repeating: 0, count: max(1, pieces))
      pool.run(pieces: pieces) { piece, worker in
        counts[piece] += 1
        precondition(worker < 4)
      }
      #expect((0..<pieces).allSatisfy { counts[$0] == 1 })
      counts.deallocate()
    }
  }

  @Test func dropoutHitsItsRateAndIsReproducible() {
    let engine = Engine(threads: 2)
    let x = engine.tensor([Float](repeating: 1, count: 40_000), [40_000])
    func mask(_ seed: UInt64) -> [Float] {
      Tape(
        engine, recording: false, training: true, random: RandomKey(seed: seed, purpose: .dropout)
      ).dropout(x, rate: 0.25).values
    }
    let values = mask(1)
    #expect(abs(Double(values.count { $0 == 0 }) / 40_000 - 0.25) < 0.01)
    #expect(values.allSatisfy { $0 == 0 || $0 == 1 / (1 - 0.25) })
    #expect(values == mask(1) && values != mask(2))
    let evaluation = Tape(engine, recording: false).dropout(x, rate: 0.25)
    #expect(evaluation.values == x.values)
  }

  @Test func threadsThatTheSystemRefusesAreDoneWithout() {
    let pool = ThreadPool(threads: 4, stackSize: 1 << 50)
    #expect(pool.threads == 1)
    nonisolated(unsafe) var done: [Int] = []
    pool.run(pieces: 3) { piece, worker in
      #expect(worker == 0)
      done.append(piece)
    }
    #expect(done == [0, 1, 2])
  }
}
