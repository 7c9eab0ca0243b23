import VTCore

/// Ends a run whose validation accuracy has not become better for some epochs (early stopping; Prechelt, 1998).
final class EarlyStopping: TrainingHook {
  private let patience: Int

  init(patience: Int) { self.patience = patience }

  func epochEnded(_ result: EpochResult, _ trainer: Trainer) {
    guard let best = result.isBest ? result.epoch : trainer.state.bestEpoch, result.epoch - best >= patience
    else { return }
    trainer.stop("no better accuracy in \(patience.counted("epoch")) (--patience \(patience))")
  }
}
