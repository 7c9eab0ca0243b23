import VTCheckpoint
import VTCore

/// What hooks keep in a run's checkpoints, as `optimizer.hook.<hook>.<tensor>`. The prefix is the optimizer's, which readers
/// of weights leave out.
enum HookTensors {
  private static let prefix = OptimizerState.prefix + "hook."

  private static func prefix(of hook: any StatefulHook) -> String { prefix + hook.name + "." }

  static func all(of hooks: [any TrainingHook]) -> [StoredTensor] {
    hooks.compactMap { $0 as? any StatefulHook }.flatMap { hook in
      hook.tensors().map { $0.renamed(prefix(of: hook) + $0.name) }
    }
  }

  /// Gives hooks what they kept.
  /// - Throws: `Failure` where a hook that kept something is not among them, or refuses what it gets.
  static func restore(_ store: StateDict, to hooks: [any TrainingHook]) throws {
    var rest = store.tensors.filter { $0.name.hasPrefix(prefix) }
    for case let hook as any StatefulHook in hooks {
      let own = prefix(of: hook)
      let kept = rest.filter { $0.name.hasPrefix(own) }
      rest.removeAll { $0.name.hasPrefix(own) }
      try hook.restore(StateDict(kept.map { $0.renamed(String($0.name.dropFirst(own.count))) }))
    }
    guard let left = rest.first else { return }
    throw Failure(
      "the run was begun with something that kept this tensor, and goes on without", tensor: left.name,
      hint: "resume it with the program that began it")
  }
}
