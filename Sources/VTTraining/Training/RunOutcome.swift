import Foundation
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
  /// Of a few validation images, for the report.
  var maps = ReportMaps()
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
  /// Measures the best weights on the validation and test images, and draws the report's maps.
  package func measure(_ weights: StateDict) throws -> RunOutcome {
    let outcome = try outcome(of: weights)
    // A run that was finished with a report has told it before.
    if hasTrained || !FileManager.default.fileExists(atPath: folder.reportPath) {
      board?.write(TensorBoardRun.end(outcome, time: Date()), step: state.updates, time: Date())
    }
    return outcome
  }

  private func outcome(of weights: StateDict) throws -> RunOutcome {
    guard !(data.validation.isEmpty && data.test.isEmpty), let own = configuration.metadata.preprocessing
    else {
      return RunOutcome(evaluation: nil, test: nil)
    }
    let best = try Models.make(configuration.metadata.configuration, weights: weights, engine: engine)
    func measured(_ images: [Sample]) throws -> Evaluation? {
      images.isEmpty
        ? nil
        : try Evaluation.run(
          best, images, of: data, preprocessing: Preprocessing(own),
          batchSize: configuration.recipe.batchSize, engine: engine)
    }
    var outcome = try RunOutcome(evaluation: measured(data.validation), test: measured(data.test))
    // Pictures for people: a run does not fail for them.
    do {
      outcome.maps = try ReportMaps(
        best, weights: weights, data, configuration.recipe, Preprocessing(own), engine: engine)
    } catch { outcome.maps = ReportMaps(remarks: ["There are no maps: \(error)."]) }
    return outcome
  }

  /// Writes `report.html`, in place of an earlier one.
  package func writeReport(_ outcome: RunOutcome, _ extras: ReportExtras) throws {
    try Report.write(
      folder: folder, configuration: configuration, state: state, outcome: outcome, data: data,
      network: ReportNetwork(self), extras: extras)
  }
}
