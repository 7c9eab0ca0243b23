import CKernels

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
}
