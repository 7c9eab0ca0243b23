import VTCheckpoint

/// Something that a run does after each update or each epoch: keeping metrics, saving, ending it early. Hooks are called
/// in their order, before the run's watcher. `Trainer.stop` ends the run.
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

/// A hook that keeps numbers with the run: every checkpoint has them, and a run that goes on gets them back. With them it
/// must do what it would have done without a pause.
package protocol StatefulHook: TrainingHook {
  /// Tells its tensors from those of other hooks.
  var name: String { get }

  /// What it keeps, after the updates and epochs that it was told of.
  func tensors() -> [StoredTensor]

  /// Takes what it kept; nothing where the checkpoint is of a run without it.
  /// - Throws: `Failure` where that is not what it keeps.
  func restore(_ store: StateDict) throws
}
