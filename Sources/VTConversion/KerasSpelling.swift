import VTCheckpoint

/// Keras 2's HDF5 files name a weight by its layer and then by its own name, which begins with the layer's
/// (`conv1_conv/conv1_conv/kernel:0`); rule files use this spelling. There are two others: Keras 3 writes the
/// same files without the `:0`, and a model nested as a layer lists its weights by their own names alone
/// (`resnet50/conv1_conv/kernel:0`).
enum KerasSpelling {
  /// The store with names in a rule file's spelling, as far as it has one for them; nil if none changes.
  static func respelled(_ store: StateDict, _ rules: CompiledRules) -> StateDict? {
    guard store.kerasLayout != nil else { return nil }
    func isKnown(_ name: String) -> Bool {
      rules.matches(Array(name.utf8)).contains { _ in true }
    }
    var taken = Set(store.names)
    var names: [String: String] = [:]
    for name in store.names where !isKnown(name) {
      guard let other = others(name).first(where: { isKnown($0) && !taken.contains($0) }) else { continue }
      taken.insert(other)
      names[name] = other
    }
    if names.isEmpty { return nil }
    var result = store
    result.mapTensors { $0.renamed(names[$0.name] ?? $0.name) }
    return result
  }

  /// Other spellings of a weight's name: with `:0`, and prefixed with its layer, which is some part of it.
  private static func others(_ name: String) -> [String] {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    var result = [name]
    for first in 0..<max(0, parts.count - 1) {
      for count in 1...max(1, min(3, parts.count - 1 - first)) where first + count < parts.count {
        result.append(parts[first..<first + count].joined(separator: "/") + "/" + name)
      }
    }
    return name.hasSuffix(":0") ? Array(result.dropFirst()) : result.map { $0 + ":0" }
  }
}
