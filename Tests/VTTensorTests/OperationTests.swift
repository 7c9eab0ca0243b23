import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTTensor

/// What every operation must do, over the samples of `OperationSamples.swift`.
struct OperationTests {
  /// A sample's output and the gradients of its inputs.
  private struct Results {
    var output: [Float]
    var gradients: [[Float]]
  }

  private static func numbers(_ sample: OperationSample) -> [[Float]] {
    sample.shapes.enumerated().map { index, shape in
      KernelParityTests.numbers(shape.reduce(1, *), UInt64(40 + index)).map { $0 * sample.scale }
    }
  }

  private static func forward(
    _ sample: OperationSample, _ numbers: [[Float]], _ engine: Engine, recording: Bool
  ) -> (Tape, [Tensor], Tensor) {
    let inputs = zip(numbers, sample.shapes).map { Tensor.parameter($0, $1, engine: engine) }
    let tape = Tape(
      engine, recording: recording, training: true, random: RandomKey(seed: 9, purpose: .dropout))
    return (tape, inputs, sample.forward(tape, inputs))
  }

  private static func run(_ sample: OperationSample, _ engine: Engine) -> Results {
    let (tape, inputs, output) = forward(sample, numbers(sample), engine, recording: true)
    tape.backward(from: output, cotangent: cotangent(output.count))
    return Results(output: output.values, gradients: inputs.map(\.gradientValues))
  }

  private static func cotangent(_ count: Int) -> [Float] { KernelParityTests.numbers(count, 99) }

  /// Gradients against finite differences of the operation's own forward pass, with a fixed random cotangent.
  @Test(arguments: OperationSample.all)
  func gradientsAreThoseOfTheForwardPass(_ sample: OperationSample) {
    let engine = Engine(threads: 2)
    let values = Self.numbers(sample)
    func objective(_ values: [[Float]]) -> Double {
      let out = Self.forward(sample, values, engine, recording: false).2.values
      return zip(out, Self.cotangent(out.count)).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }
    for (index, analytic) in Self.run(sample, engine).gradients.enumerated() {
      var numeric = [Float](repeating: 0, count: analytic.count)
      for i in analytic.indices {
        var (up, down) = (values, values)
        up[index][i] += sample.step
        down[index][i] -= sample.step
        let width = Double(up[index][i]) - Double(down[index][i])
        numeric[i] = Float((objective(up) - objective(down)) / width)
      }
      expectCloseToLargest(
        analytic, numeric, sample.tolerance, "gradient of input \(index) \(sample.shapes[index])")
    }
  }

  @Test(arguments: OperationSample.all)
  func bitsDoNotDependOnThreads(_ sample: OperationSample) {
    let (one, three) = (Self.run(sample, Engine(threads: 1)), Self.run(sample, Engine(threads: 3)))
    #expect(one.output.map(\.bitPattern) == three.output.map(\.bitPattern))
    #expect(one.gradients.map { $0.map(\.bitPattern) } == three.gradients.map { $0.map(\.bitPattern) })
  }

  @Test(arguments: OperationSample.all)
  func instructionSetsAgree(_ sample: OperationSample) {
    let scalar = Self.run(sample, Engine(threads: 1, instructions: .scalar))
    for instructions in Engine.supportedInstructions {
      let found = Self.run(sample, Engine(threads: 1, instructions: instructions))
      expectCloseToLargest(found.output, scalar.output, 1e-5, "\(instructions), output")
      for (index, (a, b)) in zip(found.gradients, scalar.gradients).enumerated() {
        expectCloseToLargest(a, b, 1e-5, "\(instructions), gradient \(index)")
      }
    }
  }

  @Test func everyOperationHasASample() throws {
    let engine = Engine(threads: 1)
    let profiler = Profiler()
    engine.profiler = profiler
    for sample in OperationSample.all { _ = Self.run(sample, engine) }
    let folder = URL(fileURLWithPath: Fixtures.root + "/Sources/VTTensor/Operations")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    let names = try files.flatMap { file in
      try String(contentsOf: file, encoding: .utf8).matches(of: #/static let name = "(.*)"/#).map {
        String($0.1)
      }
    }
    #expect(names.count > 30)
    let seen = Set(profiler.figures.keys.map(\.name))
    for name in names { #expect(seen.contains(name), "no sample of '\(name)'") }
  }
}
