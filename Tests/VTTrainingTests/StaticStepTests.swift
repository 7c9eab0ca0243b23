import Testing
import TestSupport
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// What differs from one training step to the next crosses the seam to the device as a tensor: as values, the operations of
/// all steps are the same, so that a device may compile a step once.
struct StaticStepTests {
  @Test(arguments: AllNetworksTests.networks)
  func stepsDifferInTensorsAlone(_ tiny: AllNetworksTests.Tiny) throws {
    let engine = Engine(threads: 2)
    let model = try Models.make(
      tiny.configuration, weights: AllNetworksTests.weights(tiny), engine: engine, seed: 1,
      regularization: Regularization(dropPath: 0.4, dropout: 0.2))
    var options = tiny.options
    options.scheduleWarmupEpochs = 1
    let objectives: [any Objective] = [
      CrossEntropyObjective(smoothing: 0.1), DrlocObjective(options),
    ]
    for objective in objectives {
      try model.parameters.add(objective.parameterDeclarations(model), weights: nil, seed: 0)
    }
    let step = TrainingStep(
      model: model, objectives: objectives,
      optimizer: try OptimizerState(model.parameters, OptimizerSettings(), engine: engine), engine: engine)
    /// The operations of a step all of whose numbers come from `index`.
    func operations(_ index: Int) throws -> (values: [AnyHashable], loss: Double) {
      var seen: [AnyHashable] = []
      engine.observer = { operation, _ in seen.append(AnyHashable(operation)) }
      defer { engine.observer = nil }
      let seed = UInt64(index)
      var generator = RandomKey(seed: seed, purpose: .synthetic).generator()
      let side = model.imageSize
      let pixels = (0..<3 * side * side * 3).map { _ in Float(generator.normal()) }
      let inputs = StepInputs(
        images: engine.tensor(pixels, [3, side, side, 3]),
        labels: (0..<3).map { _ in Int32(generator.below(model.numClasses)) },
        keys: (0..<3).map { SampleKey(seed: seed, epoch: index, index: $0) }, epoch: index, epochs: 9)
      let result = try step.run(
        inputs, learningRate: 1e-3 * generator.uniform(), random: RandomKey(seed: seed, purpose: .dropout))
      return (seen, result.loss)
    }
    let (first, second) = (try operations(1), try operations(2))
    #expect(first.values.count > 10 && first.loss != second.loss)
    #expect(first.values == second.values)
  }
}
