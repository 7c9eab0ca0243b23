import Checkpoint

/// Training scripts save the network under a key of a larger dictionary (`{'model': ..., 'epoch': 3}`); parallel
/// training, compilation and trainers put `module.`, `_orig_mod.` or `model.` in front of every name. A wrapper is all
/// that stands in front.
enum Wrapper {
  /// Keys under which networks are saved, averaged weights first: they are what the releases mean.
  private static let keys = [
    "state_dict_ema", "model_ema", "ema", "teacher", "state_dict", "model_state_dict", "model", "module",
    "_orig_mod", "net", "network", "backbone", kerasModel,
  ]
  /// The group in which Keras's whole-model files hold the weights.
  private static let kerasModel = "model_weights"
  /// Wrappers in wrappers: `state_dict.model._orig_mod.`.
  private static let deepest = 4

  struct Candidate {
    let store: ParameterStore
    /// What was taken off the names; empty for the store itself.
    let prefix: String
    /// Names that do not stand under the prefix.
    let beside: [String]
  }

  /// The store as it is, then without each wrapper that it may have.
  /// - Parameter key: where the user says that the network is (`model_ema`, `teacher.backbone`).
  /// - Throws: `Failure` naming the keys there are, where nothing stands under `key`.
  static func candidates(_ store: ParameterStore, key: String? = nil) throws -> [Candidate] {
    var result: [Candidate] = []
    func add(_ candidate: Candidate, depth: Int) {
      result.append(candidate)
      if depth == deepest { return }
      for key in keys {
        let prefix = key == kerasModel ? key + "/" : key + "."
        guard let inner = without(prefix, candidate.store) else { continue }
        let whole = candidate.prefix + prefix
        add(
          Candidate(store: inner, prefix: whole, beside: store.names.filter { !$0.hasPrefix(whole) }),
          depth: depth + 1)
      }
    }
    guard let key else {
      add(Candidate(store: store, prefix: "", beside: []), depth: 0)
      return result
    }
    for prefix in [key + ".", key + "/"] {
      guard let inner = without(prefix, store) else { continue }
      add(
        Candidate(store: inner, prefix: prefix, beside: store.names.filter { !$0.hasPrefix(prefix) }),
        depth: 1)
    }
    guard !result.isEmpty else { throw unknown(key, store) }
    return result
  }

  private static func without(_ prefix: String, _ store: ParameterStore) -> ParameterStore? {
    guard store.tensors.contains(where: { $0.name.hasPrefix(prefix) }) else { return nil }
    var inner = store
    inner.filter { $0.name.hasPrefix(prefix) && $0.name.utf8.count > prefix.utf8.count }
    inner.mapTensors { $0.renamed(String($0.name.dropFirst(prefix.count))) }
    return inner.count > 0 ? inner : nil
  }

  private static func unknown(_ key: String, _ store: ParameterStore) -> Failure {
    let firsts = store.names.compactMap { name in
      name.firstIndex { $0 == "." || $0 == "/" }.map { String(name[..<$0]) }
    }
    let known = Set(firsts).sorted()
    let close = key.closest(in: known)
    return Failure(
      .usage, "no tensor stands under the key '\(key.printable)'",
      remedy: "the file has "
        + (close.isEmpty ? known.prefix(8) : close.prefix(8)).map { "'\($0.printable)'" }.joined(
          separator: ", ")
        + (close.isEmpty && known.count > 8 ? ", ..." : ""))
  }
}
