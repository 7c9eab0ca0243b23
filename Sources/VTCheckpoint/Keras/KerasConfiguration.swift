import VTCore

/// What an archive's `config.json` says of a model's layers. Files number layers by class (`layers/conv2d_3`); Keras up
/// to 2.15 does not say beside the weights which layer that is, its configuration does.
enum KerasConfiguration {
  /// Layers' own names by their paths in the weights (keras/src/saving/saving_lib.py, `_save_container_state`).
  static func layerNames(_ model: JSON) -> [String: String] {
    var result: [String: String] = [:]
    add(model, under: "", to: &result, depth: 0)
    return result
  }

  private static func add(_ model: JSON, under prefix: String, to result: inout [String: String], depth: Int)
  {
    guard depth < 16, let layers = model["config"]?["layers"]?.array else { return }
    var numbers: [String: Int] = [:]
    for layer in layers {
      guard let type = layer["class_name"]?.string else { continue }
      let kind = snakeCase(type)
      let number = numbers[kind, default: 0]
      numbers[kind] = number + 1
      let path = prefix + "layers/" + kind + (number == 0 ? "" : "_\(number)")
      if let name = layer["config"]?["name"]?.string { result[path] = name }
      add(layer, under: path + "/", to: &result, depth: depth + 1)
    }
  }

  /// `BatchNormalization` as `batch_normalization`, `Conv2D` as `conv2d`: an underscore before a capital that follows
  /// anything and begins a word, or follows a small letter.
  static func snakeCase(_ name: String) -> String {
    let letters = Array(name.filter { $0.isLetter || $0.isNumber || $0 == "_" })
    var result = ""
    for (index, letter) in letters.enumerated() {
      let follows = index > 0 && letter.isUppercase && letters[index - 1] != "_"
      if follows {
        let beginsWord = index + 1 < letters.count && letters[index + 1].isLowercase
        if beginsWord || letters[index - 1].isLowercase { result += "_" }
      }
      result += letter.lowercased()
    }
    return result
  }
}
