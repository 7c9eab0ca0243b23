/// Which results of a forward pass stay in memory until the backward pass reads them. The bits are the same under each.
package enum MemoryPolicy: Sendable {
  /// All of them.
  case fast
  /// All but those that their operations say are cheap to recompute (`Operation.recomputation`): they are released when
  /// the network drops them.
  case balanced
  /// The same, and of what `Tape.recomputing` runs only the input (activation checkpointing).
  case recomputeBlocks
}
