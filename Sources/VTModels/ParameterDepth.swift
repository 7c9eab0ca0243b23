/// The depth of parameters in their network, for learning rates that differ by depth.
extension NetworkConfiguration {
  /// By native name: 0 in front of the first block, then one more with every block, and one more for the classifier.
  /// What is between two blocks (downsampling) counts with the one after it, what follows the last block with the
  /// last.
  package var parameterDepths: [String: Int] {
    let declarations = parameterDeclarations
    var blocks: [Substring: Int] = [:]
    for declaration in declarations {
      guard let block = Self.block(of: declaration.name), blocks[block] == nil else { continue }
      blocks[block] = blocks.count + 1
    }
    var result: [String: Int] = [:]
    var next = 0
    // Backwards: what lies between two blocks is declared in front of the second.
    for declaration in declarations.reversed() {
      if declaration.isClassifier {
        result[declaration.name] = blocks.count + 1
      } else if let depth = Self.block(of: declaration.name).flatMap({ blocks[$0] }) {
        result[declaration.name] = depth
        next = depth
      } else {
        result[declaration.name] = next == 0 ? blocks.count : next == 1 ? 0 : next
      }
    }
    return result
  }

  /// The part of a name up to the first number that follows `prefix`: `layers.0.blocks.1` of
  /// `layers.0.blocks.1.norm1.weight` for the prefix `layers.`, `blocks.` in two levels.
  static func block(_ parameter: String, levels: [String]) -> Substring? {
    var at = parameter.startIndex
    for level in levels {
      guard parameter[at...].hasPrefix(level) else { return nil }
      at = parameter.index(at, offsetBy: level.count)
      let digits = parameter[at...].prefix(while: \.isNumber)
      guard !digits.isEmpty, parameter[digits.endIndex...].first == "." else { return nil }
      at = parameter.index(after: digits.endIndex)
    }
    return parameter[..<parameter.index(before: at)]
  }
}
