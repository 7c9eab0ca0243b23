import Checkpoint

/// Training scripts save the network under a key of a larger dictionary (`{'model': ..., 'epoch': 3}`), and
/// parallel training puts `module.` in front of every name. A wrapper is such a prefix.
enum Wrapper {
  /// Keys under which networks are saved, averaged weights first: they are what the releases mean.
  private static let keys = [
    "state_dict_ema", "model_ema", "state_dict", "model", "module", "net", "network", kerasModel,
  ]
  /// The group in which Keras's whole-model files hold the weights.
  private static let kerasModel = "model_weights"

  struct Candidate {
    let store: ParameterStore
    /// What was taken off the names; empty for the store itself.
    let prefix: String
    /// Names that do not stand under the prefix.
    let beside: [String]
  }

  /// The store as it is, then without each wrapper that it may have.
  static func candidates(_ store: ParameterStore) -> [Candidate] {
    var result = [Candidate(store: store, prefix: "", beside: [])]
    for key in keys {
      let prefixes = key == kerasModel ? [key + "/"] : [key + ".", key + ".module."]
      for prefix in prefixes {
        var unwrapped = store
        unwrapped.filter { $0.name.hasPrefix(prefix) }
        guard unwrapped.count > 0 else { continue }
        unwrapped.mapTensors { $0.renamed(String($0.name.dropFirst(prefix.count))) }
        result.append(
          Candidate(
            store: unwrapped, prefix: prefix,
            beside: store.names.filter { !$0.hasPrefix(prefix) }))
      }
    }
    return result
  }
}
