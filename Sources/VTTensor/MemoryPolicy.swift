/// Which results of a forward pass stay in memory until the backward pass reads them. All policies give the
/// same bits.
package enum MemoryPolicy: Sendable {
  /// All of them.
  case fast
  /// All but those that their operations declare cheap to recompute (`Operation.recomputation`): they are
  /// released when the network drops them.
  case balanced
  /// The same, and keeps only the input of what `Tape.recomputing` runs (activation checkpointing).
  case recomputeBlocks
}
