import Foundation
import Testing
import TestSupport
import VTCheckpoint

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// Schedules, losses and the optimizer against the reference code's own numbers.
struct ScheduleTests {
  static let reference = try! ReferenceCase("schedule")

  @Test(arguments: ["default300", "e100", "nowarm", "short", "linear", "step", "accum2"])
  func learningRates(_ name: String) throws {
    let arrays = try Self.reference.arrays()
    let s = try #require(
      Self.reference.document["settings"]?.array?.first { $0["name"]?.string == name })
    func int(_ key: String) -> Int { s[key]?.int ?? 0 }
    func double(_ key: String) -> Double { s[key]?.double ?? 0 }
    let schedule = LearningRateSchedule(
      shape: try #require(.init(rawValue: s["scheduler"]?.string ?? "")), base: double("base_lr"),
      warmup: double("warmup_lr"), minimum: double("min_lr"),
      warmupUpdates: int("warmup") * int("iters"), totalUpdates: int("epochs") * int("iters"),
      decayRate: double("decay_rate"), decayUpdates: int("decay_epochs") * int("iters"))
    let atT = try arrays.doubles("lr/\(name)/at_t")
    expectClose(atT.indices.map(schedule.referenceValue(at:)), atT, relative: 1e-12, absolute: 1e-20)
    // With accumulation the reference counts batches: update j comes after batch `every * j - 1`.
    let every = s["accumulation"]?.int ?? 1
    let used = try arrays.doubles("lr/\(name)/used")
    expectClose(
      used.indices.map { schedule.referenceRate(update: every * $0) }, used, relative: 1e-12, absolute: 1e-20)
  }

  @Test func drlocWeights() throws {
    let arrays = try Self.reference.arrays()
    let settings = try #require(Self.reference.document["lambda_settings"]?.array)
    #expect(settings.count == 4)
    for s in settings {
      let epochs = try #require(s["total_epochs"]?.int)
      let options = DrlocOptions(
        weight: try #require(s["lambda_drloc"]?.double),
        scheduleWarmupEpochs: try #require(s["ssl_warmup_epochs"]?.int))
      // Past its last epoch the reference goes on to negative weights; a run here ends before.
      let expected = Array(try arrays.doubles(try #require(s["name"]?.string)).prefix(epochs + 1))
      let actual = expected.indices.map { drlocWeight(options, epoch: $0, epochs: epochs) }
      expectClose(actual, expected, relative: 1e-12, absolute: 1e-15)
    }
    #expect(drlocWeight(DrlocOptions(weight: 0.3), epoch: 7, epochs: 9) == 0.3)
  }

  @Test(arguments: [0.0, 0.1, 0.25])
  func labelSmoothing(_ smoothing: Double) throws {
    let arrays = try Self.reference.arrays()
    let engine = Engine(threads: 1)
    let stored = try #require(arrays["loss/logits"])
    let values = try stored.floats()
    let logits = Tensor.parameter(values, stored.shape, engine: engine)
    let labels = try arrays.integers("loss/labels").map { Int32($0) }
    let tape = Tape(engine, recording: true)
    let loss = tape.crossEntropy(logits: logits, labels: engine.tensor(labels), smoothing: Float(smoothing))
    tape.backward(from: loss)
    let expected = try Self.numbers(arrays, "loss/smooth\(smoothing)/value")
    expectClose([Double(loss.values[0])], expected, relative: 1e-6)
    expectClose(
      logits.gradientValues.map { Double($0) },
      try Self.numbers(arrays, "loss/smooth\(smoothing)/grad"), relative: 1e-5, absolute: 1e-7)
  }

  /// Numbers of an array of either float type.
  static func numbers(_ arrays: StateDict, _ name: String) throws -> [Double] {
    arrays[name]?.type == .f64 ? try arrays.doubles(name) : try arrays.values(name).map { Double($0) }
  }

  @Test(arguments: Engine.supportedInstructions)
  func adamW(_ instructions: InstructionSet) throws {
    let arrays = try Self.reference.arrays()
    let engine = Engine(threads: 1, instructions: instructions)
    let start = try Self.numbers(arrays, "opt/param0").map { Float($0) }
    let gradients = try Self.numbers(arrays, "opt/grads").map { Float($0) }
    let rates = try Self.numbers(arrays, "opt/lr")
    let names = arrays.names.filter { $0.hasPrefix("opt/adamw_wd") && !$0.hasSuffix("float32") }
    #expect(!names.isEmpty)
    for name in names {
      let decay = try #require(Float(name.dropFirst("opt/adamw_wd".count)))
      let expected = try Self.numbers(arrays, name)
      let (p, m, v) = (engine.tensor(start, [7]), engine.zeros([7]), engine.zeros([7]))
      let (scalars, corrections) = (StepScalars(engine), engine.storage(2))
      engine.backend.fill(scalars.sumOfSquares, with: 0)
      let settings = AdamWSettings(weightDecay: decay, beta1: 0.9, beta2: 0.999, eps: 1e-8)
      for t in 0..<5 {
        let gradient = engine.tensor(Array(gradients[7 * t..<7 * t + 7]), [7])
        scalars.learningRate.write([Float(rates[t])])
        engine.backend.finishGradientNorm(scalars, loss: engine.zeros([1]).storage, clipNorm: nil)
        corrections.write([0.9, 0.999].map { Float(1 - pow($0, Double(t + 1))) })
        engine.backend.adamW(
          parameter: p.storage, firstMoment: m.storage, secondMoment: v.storage,
          gradient: gradient.storage, settings, scalars, corrections: corrections)
        expectClose(
          p.values.map { Double($0) }, Array(expected[7 * t..<7 * t + 7]), relative: 2e-6,
          absolute: 2e-7, "\(name) update \(t)")
      }
    }
  }

  @Test func decaySkipsNormsAndBiases() {
    #expect(ParameterDeclaration("blocks.0.mlp.fc1.weight", [4, 3], .zeros).decays)
    #expect(ParameterDeclaration("pos_embed", [1, 5, 3], .zeros).decays)
    #expect(!ParameterDeclaration("blocks.0.norm1.weight", [3], .zeros).decays)
    #expect(!ParameterDeclaration("head.bias", [3], .zeros).decays)
  }
}
