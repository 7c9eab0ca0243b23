import VTCheckpoint

/// Some libraries keep one tensor for all blocks, with the blocks along its first axis (JAX's scan). A rule
/// file names the part before the block's number (`scan_axis: "Transformer/encoderblock"`); its rules name
/// single blocks.
enum Stacking {
  /// The key under which the file's form is kept, beside its wildcards.
  static let key = "stacked"

  /// Renames and splits `prefix/rest [n, ...]` to `prefix_0/rest`, `prefix_1/rest`, ...; nil if nothing is
  /// stacked.
  static func expanded(_ store: StateDict, prefix: String) throws -> StateDict? {
    guard store.tensors.contains(where: { $0.name.hasPrefix(prefix + "/") }) else { return nil }
    var result: [StoredTensor] = []
    for tensor in store.tensors {
      guard tensor.name.hasPrefix(prefix + "/"), let count = tensor.shape.first, count > 0, count <= 10_000
      else {
        result.append(tensor)
        continue
      }
      let rest = tensor.name.dropFirst(prefix.count)
      result += tensor.unstack((0..<count).map { "\(prefix)_\($0)\(rest)" })
    }
    return try StateDict(result)
  }

  /// The inverse.
  static func collected(_ store: StateDict, prefix: String) throws -> StateDict {
    let pattern = try NamePattern(
      prefix + "_{block}/*", variables: [:], counts: ["block"], wildcards: [])
    var result: [StoredTensor] = []
    var stacks: [(name: String, parts: [Int: StoredTensor])] = []
    for tensor in store.tensors {
      guard let block = pattern.match(tensor.name)?.numbers["block"] else {
        result.append(tensor)
        continue
      }
      let name = prefix + tensor.name.dropFirst("\(prefix)_\(block)".count)
      if let at = stacks.firstIndex(where: { $0.name == name }) {
        stacks[at].parts[block] = tensor
      } else {
        stacks.append((name, [block: tensor]))
      }
    }
    for stack in stacks {
      let parts = stack.parts.sorted { $0.key < $1.key }.map(\.value)
      result.append(try StoredTensor.stack(parts, name: stack.name))
    }
    return try StateDict(result)
  }
}
