import Testing
import TestSupport

@testable import VTTensor

struct ProfilerTests {
  /// Calls, traffic and products of a small pass, counted by hand; without a profiler nothing is recorded.
  @Test func figuresAreThoseOfTheOperations() throws {
    let engine = Engine(threads: 2)
    let weight = Tensor.parameter(KernelParityTests.numbers(7 * 5, 1), [7, 5], engine: engine)
    func pass(recomputes: Bool = false) {
      let tape = Tape(engine, recording: true, memory: recomputes ? .recomputeBlocks : .balanced)
      let x = engine.tensor(KernelParityTests.numbers(3 * 5, 2), [3, 5])
      let y = tape.recomputing(tape.linear(x, weight: weight, bias: nil, activation: .gelu)) {
        $1.scaled($0, by: 2)
      }
      tape.backward(from: y, cotangent: y.values)
      weight.clearGradient()
    }
    let profiler = Profiler()
    engine.profiler = profiler
    pass()
    pass()
    engine.profiler = nil
    pass()
    func figures(_ name: String, backward: Bool) throws -> Profiler.Figures {
      try #require(profiler.figures.first { $0.key.name == name && $0.key.isBackward == backward }).value
    }
    let forward = try figures("linear", backward: false)
    #expect(forward.calls == 2 && forward.seconds > 0)
    #expect(forward.bytes == 2 * 4 * (3 * 5 + 7 * 5 + 3 * 7))
    #expect(forward.flops == 2 * 2 * 3 * 5 * 7)
    // The input needs no gradient: one product, and only the weight's gradient is written.
    let backward = try figures("linear", backward: true)
    #expect(backward.bytes == 2 * 4 * (3 * 5 + 7 * 5 + 3 * 7 + 7 * 5))
    #expect(backward.flops == 2 * 2 * 3 * 5 * 7)
    #expect(profiler.figures.keys.map(\.name).sorted() == ["linear", "linear", "scale", "scale"])
    #expect(profiler.figures.keys.contains { $0.detail == "3x5, 7x5 -> 3x7" })
    profiler.reset()
    #expect(profiler.figures.isEmpty)
    // A block that is computed again counts its forward pass twice.
    engine.profiler = profiler
    pass(recomputes: true)
    #expect(try figures("scale", backward: false).calls == 2 && figures("scale", backward: true).calls == 1)
  }
}
