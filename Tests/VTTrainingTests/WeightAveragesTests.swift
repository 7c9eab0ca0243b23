import Foundation
import Testing
import TestSupport
import VTCheckpoint

@testable import VTModels
@testable import VTTensor
@testable import VTTraining

struct WeightAveragesTests {
  private static let names =
    ["weight", "bias"].map { "0.\($0)" }
    + ["weight", "bias", "running_mean", "running_var"].map { "1.\($0)" }

  private static func weights(_ arrays: StateDict, _ prefix: String) throws -> StateDict {
    try StateDict(
      names.map { name in
        let stored = try #require(arrays[prefix + name])
        return StoredTensor(name: name, shape: stored.shape, values: try stored.floats())
      })
  }

  private static func parameters(_ weights: StateDict, _ engine: Engine) throws -> Parameters {
    let parameters = Parameters(engine: engine)
    try parameters.add(
      weights.tensors.map {
        ParameterDeclaration($0.name, $0.shape, .zeros, isTrainable: !$0.name.contains("running"))
      }, weights: weights, seed: 0)
    return parameters
  }

  /// timm's `ModelEmaV2` in the case `schedule`, running statistics with it.
  @Test(arguments: ["0.9", "0.9999"])
  func averagesAreTimms(_ decay: String) throws {
    let arrays = try ScheduleTests.reference.arrays()
    let engine = Engine(threads: 1)
    let parameters = try Self.parameters(Self.weights(arrays, "ema/\(decay)/model0/"), engine)
    let averages = WeightAverages(
      [parameters], decay: try #require(Double(decay)), warmsUp: false, engine: engine)
    for update in 1...3 {
      let model = try Self.weights(arrays, "ema/\(decay)/model\(update)/")
      for (name, tensor) in parameters.all { tensor.write(try model.values(name)) }
      averages.update(after: update)
      let expected = try Self.weights(arrays, "ema/\(decay)/ema\(update)/")
      try averages.exchanged {
        for (name, tensor) in parameters.all {
          expectClose(
            tensor.values, try expected.values(name), relative: 1e-6, absolute: 1e-7, "\(name) \(update)")
        }
      }
      for (name, tensor) in parameters.all { #expect(tensor.values == (try model.values(name))) }
    }
  }

  @Test func earlyUpdatesCountForMore() throws {
    let engine = Engine(threads: 1)
    let weights = try StateDict([StoredTensor(name: "head.weight", shape: [1, 1], values: [0])])
    let parameters = try Self.parameters(weights, engine)
    let averages = WeightAverages([parameters], decay: 0.999, warmsUp: true, engine: engine)
    parameters["head.weight"].write([1])
    averages.update(after: 1)
    averages.exchanged {
      expectClose(parameters["head.weight"].values, [Float(1 - 2.0 / 11)], relative: 1e-6)
    }
    averages.update(after: 100_000)
    averages.exchanged {
      expectClose(parameters["head.weight"].values, [Float(1 - 0.999 * 2.0 / 11)], relative: 1e-6)
    }
  }
}
