import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTModels
import VTTensor

/// What a network makes of a labelled set of images.
package struct Evaluation: Sendable {
  /// One image's outcome.
  package struct Prediction: Sendable {
    package let path: String
    package let label: Int
    package let predicted: Int
    /// Probability of the predicted class and of the true one.
    package let confidence: Float
    package let labelProbability: Float
  }

  package var predictions: [Prediction] = []
  package var top5Correct = 0
  package var lossSum = 0.0
  /// Images that could not be read.
  package var failures: [Failure] = []

  package var count: Int { predictions.count }
  package var correct: Int { predictions.count { $0.label == $0.predicted } }
  package var accuracy: Double { count == 0 ? 0 : Double(correct) / Double(count) }
  package var top5Accuracy: Double { count == 0 ? 0 : Double(top5Correct) / Double(count) }
  /// Mean cross-entropy without smoothing.
  package var loss: Double { count == 0 ? 0 : lossSum / Double(count) }

  /// `[true class][predicted class]`, counts.
  package func confusion(classes: Int) -> [[Int]] {
    var table = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    for prediction in predictions { table[prediction.label][prediction.predicted] += 1 }
    return table
  }

  /// - Parameters:
  ///   - strict: whether an unreadable image ends the evaluation.
  ///   - progress: told how many images are done; false stops.
  /// - Throws: `Failure` of kind `.no` where the network's output for an image is not finite.
  package static func run(
    _ model: any VisionModel, _ samples: [Sample], preprocessing: Preprocessing,
    batchSize: Int, engine: Engine, strict: Bool = false,
    progress: (Int) -> Bool = { _ in true }
  ) throws -> Evaluation {
    var result = Evaluation()
    let loader = BatchLoader(
      items: samples, batchSize: batchSize, preprocessing: preprocessing,
      threads: engine.threads.threads
    ) { file, _ in try preprocessing.evaluationImage(file.image()) }
    var done = 0
    while let batch = loader.next() {
      if strict, let failure = batch.failures.first { throw failure }
      result.failures += batch.failures
      done += batch.count + batch.failures.count
      if batch.count > 0 {
        let tape = Tape(engine, recording: false)
        let images = engine.tensor(batch.images, batch.shape)
        let output = model.forward(images, tape)
        try output.checkFinite { samples[batch.positions[$0]].path }
        let logits = output.logits
        result.add(logits.values, classes: logits.channels, batch, samples)
      }
      if !progress(done) { break }
    }
    return result
  }

  private mutating func add(
    _ logits: [Float], classes: Int, _ batch: Batch, _ samples: [Sample]
  ) {
    for row in 0..<batch.count {
      let values = logits[row * classes..<(row + 1) * classes].map { Double($0) }
      let largest = values.max() ?? 0
      let sum = values.reduce(0) { $0 + exp($1 - largest) }
      let label = Int(batch.labels[row])
      let best = values.firstIndex(of: largest) ?? 0
      // Larger logits than the label's; equals before it count too.
      let ahead = values.indices.count {
        values[$0] > values[label] || values[$0] == values[label] && $0 < label
      }
      if ahead < 5 { top5Correct += 1 }
      lossSum += largest + log(sum) - values[label]
      predictions.append(
        Prediction(
          path: samples[batch.positions[row]].path, label: label, predicted: best,
          confidence: Float(1 / sum), labelProbability: Float(exp(values[label] - largest) / sum)))
    }
  }
}
