import VTCheckpoint
import VTCore

/// Keras 3 names a functional model's layers by class and number (`layers/conv2d_3/vars/0`), which does not
/// tell where they are in the network; the file also records each layer's own name. Rule files with `classes`
/// use those names (`conv2_block1_0_conv/0`).
enum KerasNumbering {
  /// Tensors by their layers' own names; those without one keep their name.
  static func byOwnNames(_ store: StateDict) throws -> StateDict {
    var taken = Set(store.names)
    return try StateDict(
      store.tensors.map { tensor in
        guard let layer = store.layerNames[tensor.name], let index = tensor.name.split(separator: "/").last,
          // Nested layers may share their own name; such networks keep the numbers.
          taken.insert("\(layer)/\(index)").inserted
        else { return tensor }
        return tensor.renamed("\(layer)/\(index)")
      })
  }

  /// The inverse: layers are numbered within their class in the order of their first tensor.
  /// - Parameter classes: patterns of own names, and the class of each.
  static func byClass(_ store: StateDict, classes: [(pattern: NamePattern, name: String)]) throws
    -> StateDict
  {
    var numbers: [String: Int] = [:]
    var places: [String: String] = [:]
    var result = StateDict()
    var layerNames: [String: String] = [:]
    for tensor in store.tensors {
      let parts = tensor.name.split(separator: "/").map(String.init)
      guard parts.count == 2, let kind = classes.first(where: { $0.pattern.match(parts[0]) != nil })?.name
      else { throw Failure("the rule file names no class for the layer", tensor: tensor.name) }
      if places[parts[0]] == nil {
        let number = numbers[kind, default: 0]
        numbers[kind] = number + 1
        places[parts[0]] = "layers/\(kind)" + (number == 0 ? "" : "_\(number)") + "/vars/"
      }
      let name = (places[parts[0]] ?? "") + parts[1]
      try result.append(tensor.renamed(name))
      layerNames[name] = parts[0]
    }
    result.layerNames = layerNames
    return result
  }
}
