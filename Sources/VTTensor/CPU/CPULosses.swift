import CKernels
import Foundation

extension CPUBackend {
  func crossEntropy(
    loss: Storage, logits: Storage, labels: Storage, rows: Int, classes: Int, smoothing: Float,
    dlogits: Storage?
  ) {
    check(labels, classes)
    var losses = [Float](repeating: 0, count: rows)
    vt_cross_entropy(
      &losses, dlogits?.floats, logits.floats, labels.integers, rows, classes, smoothing, 1 / Float(rows))
    loss.floats[0] = Float(losses.reduce(0.0) { $0 + Double($1) } / Double(rows))
  }

  /// The kernels index by label and do not check it.
  private func check(_ labels: Storage, _ classes: Int) {
    for row in 0..<labels.count {
      let label = labels.integers[row]
      precondition(label >= 0 && Int(label) < classes, "label \(label) of \(classes) classes")
    }
  }

  func l1(loss: Storage, prediction: Storage, target: Storage, scale: Float, dprediction: Storage?) {
    var sum = 0.0
    let (predicted, expected, gradient) = (prediction.floats, target.floats, dprediction?.floats)
    for i in 0..<target.count {
      let difference = predicted[i] - expected[i]
      sum += Double(abs(difference))
      gradient?[i] = difference > 0 ? scale : difference < 0 ? -scale : difference * 0
    }
    loss.floats[0] = Float(sum * Double(scale))
  }

  func cycleBackRegression(
    loss: Storage, logits: Storage, labels: Storage, rows: Int, classes: Int, dlogits: Storage?
  ) {
    let weight = 0.001
    var total = 0.0
    var p = [Double](repeating: 0, count: classes)
    for row in 0..<rows {
      let label = labels.integers[row]
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
      guard let gradient = dlogits.map({ $0.floats + row * classes }) else { continue }
      // To first order the variance does not change with the mean, so both depend on p alone.
      let dmean = 2 * off / variance
      let dvariance = (weight - off * off / variance) / variance
      func dp(_ c: Int) -> Double {
        dmean * Double(c) + dvariance * (Double(c) - mean) * (Double(c) - mean)
      }
      var average = 0.0
      for c in 0..<classes { average += p[c] * dp(c) }
      for c in 0..<classes {
        gradient[c] = Float(p[c] * (dp(c) - average) / Double(rows))
      }
    }
    loss.floats[0] = Float(total / Double(rows))
  }
}
