import Foundation
import VTCore
import VTData
import VTModels
import VTTensor

/// What a network sees of an image when it is measured or asked.
package enum ImageView: Sendable {
  case asIs
  /// Left and right exchanged.
  case mirrored

  /// Views for test-time augmentation: the image and its mirror image.
  package static let augmented: [ImageView] = [.asIs, .mirrored]

  /// `[count, size, size, channels]`.
  func images(of batch: Batch) -> [Float] {
    guard self == .mirrored else { return batch.images }
    let (size, channels) = (batch.size, batch.channels)
    var result = batch.images
    for row in 0..<batch.count * size {
      for x in 0..<size {
        let (to, from) = ((row * size + x) * channels, (row * size + size - 1 - x) * channels)
        for c in 0..<channels { result[to + c] = batch.images[from + c] }
      }
    }
    return result
  }
}

extension ModelOutput {
  /// One output for several views: the logits are the logarithms of the mean of their probabilities.
  static func mean(_ outputs: [ModelOutput], _ engine: Engine) -> ModelOutput {
    let first = outputs[0]
    guard outputs.count > 1 else { return first }
    let (classes, count) = (first.logits.channels, Double(outputs.count))
    var sums = [Double](repeating: 0, count: first.logits.count)
    for output in outputs {
      let logits = output.logits.values
      for row in stride(from: 0, to: logits.count, by: classes) {
        let probabilities = Softmax(logits[row..<row + classes])
        for c in 0..<classes { sums[row + c] += probabilities[c] }
      }
    }
    // A probability may underflow; its logarithm must stay a number.
    let logits = sums.map { Float(log(max($0 / count, 1e-300))) }
    return ModelOutput(
      logits: engine.tensor(logits, first.logits.shape), grids: first.grids, tokens: first.tokens)
  }
}
