import CKernels
import Foundation

extension CPUBackend {
  func crossEntropy(
    logits: Storage, labels: [Int32], classes: Int, smoothing: Float, dlogits: Storage?
  ) -> Float {
    var losses = [Float](repeating: 0, count: labels.count)
    vt_cross_entropy(
      &losses, dlogits?.floats, logits.floats, labels, labels.count, classes, smoothing,
      1 / Float(labels.count))
    return Float(losses.reduce(0.0) { $0 + Double($1) } / Double(labels.count))
  }

  func l1(prediction: Storage, target: [Float], scale: Float, dprediction: Storage?) -> Float {
    var sum = 0.0
    for i in 0..<target.count {
      let difference = prediction.floats[i] - target[i]
      sum += Double(abs(difference))
      dprediction?.floats[i] = difference > 0 ? scale : difference < 0 ? -scale : difference * 0
    }
    return Float(sum * Double(scale))
  }

  func cycleBackRegression(
    logits: Storage, labels: [Int32], classes: Int, dlogits: Storage?
  ) -> Float {
    let weight = 0.001
    var total = 0.0
    var p = [Double](repeating: 0, count: classes)
    for (row, label) in labels.enumerated() {
      let z = logits.floats + row * classes
      var largest = -Double.infinity
      for c in 0..<classes { largest = max(largest, Double(z[c])) }
      var (sum, mean, variance) = (0.0, 0.0, 1e-8)
      for c in 0..<classes {
        p[c] = exp(Double(z[c]) - largest)
        sum += p[c]
      }
      for c in 0..<classes {
        p[c] /= sum
        mean += p[c] * Double(c)
      }
      for c in 0..<classes { variance += p[c] * (Double(c) - mean) * (Double(c) - mean) }
      let off = mean - Double(label)
      total += off * off / variance + weight * log(variance)
      guard let dlogits else { continue }
      // The variance does not change with the mean to first order, so both act by p alone.
      let dmean = 2 * off / variance
      let dvariance = (weight - off * off / variance) / variance
      func dp(_ c: Int) -> Double {
        dmean * Double(c) + dvariance * (Double(c) - mean) * (Double(c) - mean)
      }
      var average = 0.0
      for c in 0..<classes { average += p[c] * dp(c) }
      for c in 0..<classes {
        dlogits.floats[row * classes + c] = Float(p[c] * (dp(c) - average) / Double(labels.count))
      }
    }
    return Float(total / Double(labels.count))
  }
}
