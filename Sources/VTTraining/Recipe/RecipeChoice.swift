import VTCore

/// The recipe of `--recipe auto`: by the number of training images, and whether the network is pretrained. The reasons are in
/// the recipes' own `about`, and in `docs/guide/fine-tuning.md`.
package struct RecipeChoice: Sendable {
  /// In place of a recipe's name.
  package static let name = "auto"

  /// Below it, images are few.
  private static let few = 1_000
  /// From it on they are many: where BiT-HyperRule (Kolesnikov et al., ECCV 2020) begins to use mixup.
  private static let many = 20_000

  /// Of `NamedRecipe.all`; nil for the default recipe.
  let name: String?
  package let recipe: Recipe
  /// What was chosen and why, in words.
  package let summary: String

  /// - Parameters:
  ///   - images: the labelled images that are trained on.
  ///   - isPretrained: whether the run begins with a checkpoint.
  package init(images: Int, isPretrained: Bool) {
    let (name, reason): (String?, String)
    if !isPretrained {
      (name, reason) = ("from-scratch", "the network has random weights")
    } else if images < Self.few {
      (name, reason) = ("few-images", "fewer than \(Format.count(Self.few)), for a pretrained network")
    } else if images < Self.many {
      (name, reason) = (
        nil, "from \(Format.count(Self.few)) to below \(Format.count(Self.many)), for a pretrained network"
      )
    } else {
      (name, reason) = ("many-images", "\(Format.count(Self.many)) or more, for a pretrained network")
    }
    self.name = name
    let named = NamedRecipe.all.first { $0.name == name }
    precondition(name == nil || named != nil, "recipes/ has no \(name ?? "")")
    recipe = named?.recipe ?? Recipe()
    summary =
      "recipe: \(name ?? "the default") for \(images.counted("training image")) (\(reason)); the run folder has it in full"
  }
}
