import Foundation

/// Losses whose targets are probabilities. Few numbers: double precision throughout costs nothing.
extension CPUBackend {
  func crossEntropy(
    loss: Storage, logits: Storage, targets: Storage, rows: Int, classes: Int, dlogits: Storage?
  ) {
    var total = 0.0
    var exponentials = [Double](repeating: 0, count: classes)
    for row in 0..<rows {
      let (z, t) = (logits.floats + row * classes, targets.floats + row * classes)
      var (largest, sum, weight) = (-Double.infinity, 0.0, 0.0)
      for c in 0..<classes { largest = max(largest, Double(z[c])) }
      for c in 0..<classes {
        exponentials[c] = exp(Double(z[c]) - largest)
        sum += exponentials[c]
        weight += Double(t[c])
      }
      let logSum = largest + log(sum)
      for c in 0..<classes where t[c] != 0 { total += Double(t[c]) * (logSum - Double(z[c])) }
      guard let gradient = dlogits.map({ $0.floats + row * classes }) else { continue }
      for c in 0..<classes {
        gradient[c] = Float((exponentials[c] / sum * weight - Double(t[c])) / Double(rows))
      }
    }
    loss.floats[0] = Float(total / Double(rows))
  }

  func binaryCrossEntropy(loss: Storage, logits: Storage, targets: Storage, dlogits: Storage?) {
    let count = targets.count
    let (z, t, gradient) = (logits.floats, targets.floats, dlogits?.floats)
    var total = 0.0
    for i in 0..<count {
      let (logit, target) = (Double(z[i]), Double(t[i]))
      // Neither exponential overflows.
      let small = exp(-abs(logit))
      total += max(logit, 0) - logit * target + log1p(small)
      let probability = logit >= 0 ? 1 / (1 + small) : small / (1 + small)
      gradient?[i] = Float((probability - target) / Double(count))
    }
    loss.floats[0] = Float(total / Double(count))
  }
}
