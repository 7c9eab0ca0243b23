import VTCheckpoint
import VTCore

/// Training scripts save the network under a key of a larger dictionary (`{'model': ..., 'epoch': 3}`);
/// parallel training, compilation and trainers prepend `module.`, `_orig_mod.` or `model.` to every name, and
/// users prepend the name of their own attribute or layer. A key prefix is everything before the network's
/// own names.
enum KeyPrefix {
  /// Keys under which networks are saved, averaged weights first: releases usually mean those.
  private static let keys = [
    "state_dict_ema", "model_ema", "ema", "teacher", "state_dict", "model_state_dict", "model", "module",
    "_orig_mod", "net", "network", "backbone", "base_encoder",
    "momentum_encoder", kerasModel,
  ]
  /// The group in which Keras's whole-model files hold the weights.
  private static let kerasModel = "model_weights"
  /// Depth of nested prefixes: `state_dict.model._orig_mod.`.
  private static let deepest = 4
  /// Minimum number of tensors under a prefix of the user's own: every network has at least as many.
  private static let fewest = 16
  /// Maximum number of prefixes tried.
  private static let most = 200

  struct Candidate {
    let store: StateDict
    /// The prefix that was removed from the names; empty for the store itself.
    let prefix: String
    /// Names without the prefix.
    let beside: [String]

    /// The prefix as `--key` takes it.
    var key: String { String(prefix.dropLast()) }

    /// The note to show if the file also has the same tensors under other keys: averaged and plain weights.
    var otherCopies: LoadNote? {
      guard !prefix.isEmpty else { return nil }
      let names = store.names
      let all = Set(beside)
      // Under each prefix that has the first tensor's name, the others must be present, too.
      let others = beside.compactMap { name -> String? in
        guard name.hasSuffix(names[0]), name.utf8.count > names[0].utf8.count else { return nil }
        let other = String(name.dropLast(names[0].count))
        guard other.hasSuffix(".") || other.hasSuffix("/") else { return nil }
        return names.allSatisfy { all.contains(other + $0) } ? String(other.dropLast()) : nil
      }
      guard !others.isEmpty else { return nil }
      let keys = others.map { "--key \($0.printable)" }.joined(separator: " or ")
      return LoadNote(
        .taken,
        "the weights under '\(key)' were taken; the file has the same tensors under \(others.map { "'\($0)'" }.joined(separator: " and ")) too (\(keys) takes \(others.count == 1 ? "them" : "those"))"
      )
    }
  }

  /// The store as it is, then without each prefix that it may have.
  /// - Parameter key: where the user says the network is (`model_ema`, `teacher.backbone`).
  /// - Throws: `Failure` naming the available keys if there is nothing under `key`.
  static func candidates(_ store: StateDict, key: String? = nil) throws -> [Candidate] {
    if let key { return try named(key, store) }
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
    add(Candidate(store: store, prefix: "", beside: []), depth: 0)
    return result
  }

  /// The store without each prefix that many of its names share, the most frequent first.
  static func prefixes(_ store: StateDict) -> [Candidate] {
    let shared = counts(store).filter { $0.value >= fewest && $0.key.utf8.count > 1 }
    let order = shared.sorted {
      ($1.value, $0.key.utf8.count, $0.key) < ($0.value, $1.key.utf8.count, $1.key)
    }
    return order.prefix(most).compactMap { candidate(String($0.key), store) }
  }

  /// Ranks a candidate by the known keys in its prefix, which say whether its weights are the ones to take:
  /// their positions in `keys`, and the rest of the prefix without them.
  static func rank(_ prefix: String) -> (places: [Int], rest: String) {
    var places: [Int] = []
    var rest: [Substring] = []
    for part in prefix.split(whereSeparator: { $0 == "." || $0 == "/" }) {
      if let place = keys.firstIndex(of: String(part)) { places.append(place) } else { rest.append(part) }
    }
    return (places, rest.joined(separator: "/"))
  }

  /// The tensors under a key: at the top, or at the one deeper place where the key occurs.
  private static func named(_ key: String, _ store: StateDict) throws -> [Candidate] {
    let atTop = [key + ".", key + "/"].compactMap { candidate($0, store) }
    if !atTop.isEmpty { return atTop }
    let ends = [".", "/"].flatMap { end in [".", "/"].map { $0 + key + end } }
    let deeper = counts(store).keys.filter { prefix in ends.contains { prefix.hasSuffix($0) } }.sorted()
    guard deeper.count <= 1 else {
      throw Failure(
        .usage, "the key '\(key.printable)' occurs in several places",
        hint: "give the full key: "
          + deeper.prefix(8).map { "'\($0.dropLast().description.printable)'" }.joined(separator: ", "))
    }
    guard let prefix = deeper.first, let found = candidate(String(prefix), store) else {
      throw unknown(key, store)
    }
    return [found]
  }

  /// Every prefix that ends in a dot or a slash, and how many names have it.
  private static func counts(_ store: StateDict) -> [Substring: Int] {
    var result: [Substring: Int] = [:]
    for name in store.names {
      for end in name.indices where name[end] == "." || name[end] == "/" {
        result[name[...end], default: 0] += 1
      }
    }
    return result
  }

  private static func candidate(_ prefix: String, _ store: StateDict) -> Candidate? {
    without(prefix, store).map { inner in
      Candidate(store: inner, prefix: prefix, beside: store.names.filter { !$0.hasPrefix(prefix) })
    }
  }

  private static func without(_ prefix: String, _ store: StateDict) -> StateDict? {
    guard store.tensors.contains(where: { $0.name.hasPrefix(prefix) }) else { return nil }
    var inner = store
    inner.filter { $0.name.hasPrefix(prefix) && $0.name.utf8.count > prefix.utf8.count }
    inner.mapTensors { $0.renamed(String($0.name.dropFirst(prefix.count))) }
    inner.layerNames = [:]
    for (name, layer) in store.layerNames where name.hasPrefix(prefix) {
      inner.layerNames[String(name.dropFirst(prefix.count))] = layer
    }
    return inner.count > 0 ? inner : nil
  }

  private static func unknown(_ key: String, _ store: StateDict) -> Failure {
    let firsts = store.names.compactMap { name in
      name.firstIndex { $0 == "." || $0 == "/" }.map { String(name[..<$0]) }
    }
    let known = Set(firsts).sorted()
    let close = key.closest(in: known)
    return Failure(
      .usage, "no tensor is under the key '\(key.printable)'",
      hint: "the file has "
        + (close.isEmpty ? known.prefix(8) : close.prefix(8)).map { "'\($0.printable)'" }.joined(
          separator: ", ")
        + (close.isEmpty && known.count > 8 ? ", ..." : ""))
  }
}
