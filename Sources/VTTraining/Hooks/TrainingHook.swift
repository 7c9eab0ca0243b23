/// Something that a run does after each update or each epoch: keeping metrics, saving, averaging weights. Hooks are
/// called in their order in `Trainer.hooks`, before the run's watcher.
package protocol TrainingHook: AnyObject {
  /// After an update, which `trainer.state` counts already.
  func updated(_ result: StepResult, _ trainer: Trainer) throws
  /// After an epoch and its evaluation, before the epoch is saved; `trainer.state` is still that of the epoch.
  func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws
}

extension TrainingHook {
  package func updated(_ result: StepResult, _ trainer: Trainer) throws {}
  package func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws {}
}
