import Foundation
import VTCore
import VTModels

/// Which weights get low-rank adapters, and of what size.
package struct LowRankRecipe: Sendable, Equatable {
  package var rank: Int
  /// The product counts `alpha / rank` times; nil takes the rank, so that it counts once.
  package var alpha: Double?
  /// Names of weights; `*` stands for anything.
  package var patterns: [String]

  /// Attention's queries, keys and values, in the networks that have them.
  package static let usualPatterns = [
    "*.attn.qkv.weight", "*.attn.proj_q.weight", "*.attn.proj_k.weight", "*.attn.proj_v.weight",
    "*.attn.kqv.weight",
  ]

  var scale: Double { (alpha ?? Double(rank)) / Double(rank) }

  /// The weights of two axes that the patterns name.
  /// - Throws: `Failure` where there are none, or a pattern that was given names none.
  func targets(among parameters: Parameters) throws -> [String] {
    let names = parameters.names.filter {
      parameters[$0].shape.count == 2 && parameters.declaration($0)?.isClassifier == false
        && parameters.declaration($0)?.isTrainable == true && !$0.hasPrefix("drloc.")
    }
    func matches(_ pattern: String) -> [String] { names.filter { fnmatch(pattern, $0, 0) == 0 } }
    if patterns != Self.usualPatterns, let idle = patterns.first(where: { matches($0).isEmpty }) {
      throw Failure(
        .usage, "--lora-target '\(idle.printable)': no weight of two axes has such a name",
        hint: "names are those of `vtkit inspect`; * stands for anything: --lora-target '*.mlp.fc1.weight'")
    }
    let targets = names.filter { name in patterns.contains { fnmatch($0, name, 0) == 0 } }
    guard !targets.isEmpty else {
      throw Failure(
        .usage, "--lora-rank: the network has no attention that adapters could change",
        hint: "name other weights with --lora-target")
    }
    return targets
  }
}
