import Foundation
import VTCore
import VTModels

/// Which of a network's parameters a recipe trains; the others stay as they are.
struct TrainableParameters {
  private let frozen: Set<String>

  /// - Throws: `Failure` where a pattern matches no parameter, there are fewer blocks, or nothing is left to train.
  init(_ recipe: Recipe, of configuration: JSON) throws {
    let declarations = try Models.parameterDeclarations(configuration).filter(\.isTrainable)
    let names = declarations.map(\.name)
    var frozen: Set<String> = []
    if recipe.headOnly || recipe.loraRank != nil {
      frozen.formUnion(declarations.filter { !$0.isClassifier }.map(\.name))
    }
    if let blocks = recipe.frozenBlocks {
      let depths = try Models.parameterDepths(configuration)
      // The classifier lies one deeper than the last block.
      let count = max(0, (depths.values.max() ?? 0) - 1)
      guard blocks <= count else {
        throw Failure(.usage, "--freeze-blocks \(blocks): the network has \(count.counted("block"))")
      }
      frozen.formUnion(names.filter { (depths[$0] ?? 0) <= blocks })
    }
    for pattern in recipe.freeze {
      let matched = names.filter { fnmatch(pattern, $0, 0) == 0 }
      guard !matched.isEmpty else {
        let close = pattern.closest(in: names)
        throw Failure(
          .usage, "--freeze '\(pattern.printable)': no parameter has such a name",
          hint: close.isEmpty
            ? "names are those of `vtkit inspect`; * stands for anything: --freeze 'blocks.0.*'"
            : "did you mean \(close.joined(separator: " or "))?")
      }
      frozen.formUnion(matched)
    }
    guard frozen.count < names.count else {
      throw Failure(.usage, "every parameter is frozen: there is nothing to train", hint: "freeze fewer")
    }
    self.frozen = frozen
  }

  func contains(_ name: String) -> Bool { !frozen.contains(name) }
}
