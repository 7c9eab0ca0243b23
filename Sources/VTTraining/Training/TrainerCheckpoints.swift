import Foundation
import VTCheckpoint
import VTCore

/// What a run saves.
extension Trainer {
  /// Does something with the network as it is evaluated and kept: with the averages of its weights, and with what adapters
  /// add to them.
  /// - Parameter body: given the adapted weights without what was added.
  func asKept<Result>(_ body: ([StoredTensor]) throws -> Result) rethrows -> Result {
    func merged() throws -> Result { try parts.adapters.map { try $0.merged(body) } ?? body([]) }
    return try parts.averages.map { try $0.exchanged(merged) } ?? merged()
  }

  /// Saves the complete state as `checkpoints/last.safetensors`; what was there becomes `previous.safetensors`. At any moment
  /// one of the two is complete.
  package func save() throws { try save(checkpoint()) }

  func save(_ store: StateDict) throws {
    if lastIsWhole { try folder.keepLast() }
    try CheckpointFile.write(store, to: folder.lastPath, overwrite: true)
    lastIsWhole = true
    lastSave = Date()
  }

  /// The whole state, with its digests.
  func checkpoint() throws -> StateDict {
    var store = try snapshot()
    store.metadata = configuration.metadata.entries
    store.metadata[TrainingState.key] = state.json.text()
    return try ContentDigest.sealed(store)
  }

  /// The whole state's numbers.
  func snapshot() throws -> StateDict {
    var store = try asKept { weights in
      var store = try model.parameters.store()
      for tensor in parts.averages?.tensors() ?? [] { try store.append(tensor) }
      for tensor in try parts.adapters?.tensors(weights: weights) ?? [] { try store.append(tensor) }
      return store
    }
    for tensor in parts.step.optimizer.tensors() + HookTensors.all(of: hooks) { try store.append(tensor) }
    return store
  }
}
