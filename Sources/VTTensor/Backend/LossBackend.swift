/// Losses, each `[1]`. The gradient for `dloss = 1` is computed with them if requested.
package protocol LossBackend {
  /// Mean over rows of the smoothed cross-entropy; `labels [rows]` are int32.
  func crossEntropy(
    loss: Storage, logits: Storage, labels: Storage, rows: Int, classes: Int, smoothing: Float,
    dlogits: Storage?)
  /// See `Tape.crossEntropy(logits:targets:)`.
  func crossEntropy(
    loss: Storage, logits: Storage, targets: Storage, rows: Int, classes: Int, dlogits: Storage?)
  /// See `Tape.binaryCrossEntropy`.
  func binaryCrossEntropy(loss: Storage, logits: Storage, targets: Storage, dlogits: Storage?)
  /// See `Tape.cycleBackRegression`.
  func cycleBackRegression(
    loss: Storage, logits: Storage, labels: Storage, rows: Int, classes: Int, dlogits: Storage?)
  /// `scale * Σ |prediction - target|`.
  func l1(loss: Storage, prediction: Storage, target: Storage, scale: Float, dprediction: Storage?)
}
