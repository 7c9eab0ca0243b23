import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTModels
import VTTensor

/// What a network makes of a labelled set of images.
public struct Evaluation: Sendable {
  /// One image's outcome.
  public struct Prediction: Sendable {
    package let sample: Sample
    /// The image's path, or its name in the archive that holds it.
    public var path: String { sample.id }
    /// The image's class, by its place among the classes.
    public var label: Int { sample.label }
    /// The class that the network took it for.
    public let predicted: Int
    /// The probability that the network gave to the predicted class, 0 to 1.
    public let confidence: Float
    /// The probability that it gave to the image's own class.
    public let labelProbability: Float
  }

  /// The outcome for each image that could be read, in order.
  public var predictions: [Prediction] = []
  package var top5Correct = 0
  package var lossSum = 0.0
  /// Images that could not be read.
  public var failures: [Failure] = []

  /// Images that could be read.
  public var count: Int { predictions.count }
  /// Images whose class was predicted.
  public var correct: Int { predictions.count { $0.label == $0.predicted } }
  /// The part of them that was predicted right, 0 to 1.
  public var accuracy: Double { count == 0 ? 0 : Double(correct) / Double(count) }
  /// The part whose class is among the five likeliest, 0 to 1.
  public var top5Accuracy: Double { count == 0 ? 0 : Double(top5Correct) / Double(count) }
  /// Mean cross-entropy without smoothing.
  public var loss: Double { count == 0 ? 0 : lossSum / Double(count) }

  /// `[true class][predicted class]`, counts.
  public func confusion(classes: Int) -> [[Int]] {
    var table = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    for prediction in predictions { table[prediction.label][prediction.predicted] += 1 }
    return table
  }

  /// - Parameters:
  ///   - strict: whether an unreadable image ends the evaluation.
  ///   - views: what the network sees of each image: its answers are averaged.
  ///   - cache: of images by their index, where they are seen as they are.
  ///   - progress: called with how many images are done; false stops.
  /// - Throws: `Failure` of kind `.no` where the network's output for an image is not finite.
  package static func run(
    _ model: any VisionModel, _ samples: [Sample], of source: any ImageSource, preprocessing: Preprocessing,
    batchSize: Int, engine: Engine, strict: Bool = false, views: [ImageView] = [.asIs],
    cache: FeatureCache? = nil, progress: (Int) -> Bool = { _ in true }
  ) throws -> Evaluation {
    var (result, done) = (Evaluation(), 0)
    try ImageBatches.run(
      model, samples, of: source, preprocessing: preprocessing, batchSize: batchSize, engine: engine,
      views: views, cache: cache
    ) { batch, output in
      if strict, let failure = batch.failures.first { throw failure }
      result.failures += batch.failures
      done += batch.count + batch.failures.count
      if let logits = output?.logits { result.add(logits.values, classes: logits.channels, batch, samples) }
      return progress(done)
    }
    return result
  }

  private mutating func add(
    _ logits: [Float], classes: Int, _ batch: Batch, _ samples: [Sample]
  ) {
    for row in 0..<batch.count {
      let values = logits[row * classes..<(row + 1) * classes].map { Double($0) }
      let softmax = Softmax(values)
      let label = Int(batch.labels[row])
      let best = values.firstIndex(of: softmax.largest) ?? 0
      // Larger logits than the label's; equals before it count too.
      let ahead = values.indices.count {
        values[$0] > values[label] || values[$0] == values[label] && $0 < label
      }
      if ahead < 5 { top5Correct += 1 }
      lossSum += softmax.crossEntropy(label)
      predictions.append(
        Prediction(
          sample: samples[batch.positions[row]], predicted: best, confidence: Float(softmax[best]),
          labelProbability: Float(softmax[label])))
    }
  }
}
