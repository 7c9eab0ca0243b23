import VTCheckpoint
import VTCore
import VTData
import VTModels

/// What came out of a run: its best weights, measured.
package struct RunOutcome: Sendable {
  /// On the validation images; nil where there are none.
  package let evaluation: Evaluation?
  /// On the test images; nil where there are none.
  package let test: Evaluation?
}

extension RunFolder {
  /// The best weights by native name, the drloc head's with them.
  package func bestWeights() throws -> StateDict {
    var weights = try CheckpointFile.open(bestPath)
    weights.filter { !OptimizerState.owns($0.name) }
    weights.metadata = [:]
    return weights
  }
}

extension Trainer {
  /// Measures the best weights on the validation and test images, and writes the report.
  package func finish(_ weights: StateDict) throws -> RunOutcome {
    var outcome = RunOutcome(evaluation: nil, test: nil)
    if !(data.validation.isEmpty && data.test.isEmpty), let own = configuration.metadata.preprocessing {
      let best = try Models.make(configuration.metadata.configuration, weights: weights, engine: engine)
      func measured(_ images: [Sample]) throws -> Evaluation? {
        images.isEmpty
          ? nil
          : try Evaluation.run(
            best, images, of: data, preprocessing: Preprocessing(own),
            batchSize: configuration.recipe.batchSize,
            engine: engine)
      }
      outcome = try RunOutcome(evaluation: measured(data.validation), test: measured(data.test))
    }
    try Report.write(
      folder: folder, configuration: configuration, state: state, evaluation: outcome.evaluation,
      test: outcome.test, data: data)
    return outcome
  }
}
