extension Tape {
  /// Mean over the batch of `(1 - s) · nll + s · mean over classes of -log p` (Szegedy et al., 2016).
  /// - Parameters:
  ///   - logits: `[batch, classes]`.
  ///   - labels: `[batch]`, in `0..<classes`.
  /// - Returns: `[1]`.
  package func crossEntropy(logits: Tensor, labels: [Int32], smoothing: Float = 0) -> Tensor {
    let classes = logits.channels
    precondition(labels.count == logits.rows)
    precondition(labels.allSatisfy { $0 >= 0 && Int($0) < classes })
    let needs = needsTape(logits)
    let gradient = needs ? engine.storage(logits.count) : nil
    let loss = output([1], needsGradient: needs)
    let op = operation("cross-entropy", [logits], loss)
    forward(op) {
      loss.storage.floats[0] = backend.crossEntropy(
        logits: logits.storage, labels: labels, classes: classes, smoothing: smoothing,
        dlogits: gradient)
    }
    if let gradient { recordScaled(op, loss: loss, input: logits, gradient: gradient) }
    return loss
  }

  /// `scale · Σ |predicted - expected|`.
  /// - Parameters:
  ///   - predicted: any shape.
  ///   - expected: as many numbers.
  /// - Returns: `[1]`.
  package func l1(predicted: Tensor, expected: [Float], scale: Float) -> Tensor {
    precondition(predicted.count == expected.count)
    let needs = needsTape(predicted)
    let gradient = needs ? engine.storage(predicted.count) : nil
    let loss = output([1], needsGradient: needs)
    let op = operation("l1", [predicted], loss)
    forward(op) {
      loss.storage.floats[0] = backend.l1(
        prediction: predicted.storage, target: expected, scale: scale, dprediction: gradient)
    }
    if let gradient { recordScaled(op, loss: loss, input: predicted, gradient: gradient) }
    return loss
  }

  /// Mean over rows of `(μ - t)² / σ² + 0.001 log σ²`, where μ and σ² are the mean and the variance (and 1e-8) of the
  /// class's number under the softmax of the logits: cycle-back regression (Dwibedi et al., CVPR 2019, section 3.3),
  /// with the constants of the drloc reference code.
  /// - Parameters:
  ///   - logits: `[rows, classes]`.
  ///   - labels: `[rows]`, t.
  /// - Returns: `[1]`.
  package func cycleBackRegression(logits: Tensor, labels: [Int32]) -> Tensor {
    precondition(labels.count == logits.rows)
    let needs = needsTape(logits)
    let gradient = needs ? engine.storage(logits.count) : nil
    let loss = output([1], needsGradient: needs)
    let op = operation("cycle-back regression", [logits], loss)
    forward(op) {
      loss.storage.floats[0] = backend.cycleBackRegression(
        logits: logits.storage, labels: labels, classes: logits.channels, dlogits: gradient)
    }
    if let gradient { recordScaled(op, loss: loss, input: logits, gradient: gradient) }
    return loss
  }

  private func recordScaled(_ op: Operation?, loss: Tensor, input: Tensor, gradient: Storage) {
    record(op) { [engine] in
      guard let upstream = loss.gradient?.floats[0] else { return }
      if upstream != 1 { engine.backend.scale(gradient, by: upstream) }
      input.receiveGradient(gradient, engine)
    }
  }
}
