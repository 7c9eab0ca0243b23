import VTCore

/// The recipe in the field's words, with what differs from the defaults marked.
extension ReportPage {
  var recipe: String {
    let (recipe, usual) = (configuration.recipe, network.usual)
    let groups = RecipeKey.groups(optimizer: recipe.optimizer.name).map { title, keys in
      let rows = keys.compactMap { key -> String? in
        guard let value = Self.text(key, recipe) else { return nil }
        // The numbers' defaults are those of the optimizer that was chosen.
        let usual = key.name == "optimizer.name" ? Recipe() : usual
        let before = Self.text(key, usual)
        let differs = key.write(recipe) != key.write(usual)
        guard differs || Self.matters(key, recipe) else { return nil }
        let shown = differs ? "<b>\(value.htmlEscaped)</b>" : value.htmlEscaped
        let note =
          differs ? before.map { " <span class=\"dim\">(default \($0.htmlEscaped))</span>" } ?? "" : ""
        return
          "<tr title=\"\(Self.meaning(key).htmlEscaped)\"><th>\(Self.name(key))</th><td>\(shown)\(note)</td></tr>"
      }
      return rows.isEmpty
        ? "" : "<div><h3>\(title)</h3><table class=\"facts\">\(rows.joined())</table></div>"
    }
    return """
      <p>What differs from the defaults is <b>bold</b>.</p>
      <div class="charts">\(groups.joined())</div>
      """
  }

  /// `weight decay` for `optimizer.weightDecay`.
  static func name(_ key: RecipeKey) -> String {
    if let name = names[key.name] { return name }
    let last = key.name.split(separator: ".").last.map(String.init) ?? key.name
    return last.reduce(into: "") { text, letter in
      text += letter.isUppercase ? " " + letter.lowercased() : String(letter)
    }
  }

  /// What the setting does, without what only those need who write a recipe file.
  private static func meaning(_ key: RecipeKey) -> String {
    let parts = key.meaning.split(separator: "; ").flatMap { $0.split(separator: ". ") }
    return parts.filter { !$0.contains("null") }.joined(separator: "; ")
  }

  /// Where the field has another word than the key.
  private static let names = [
    "accumulation": "gradient accumulation", "dropsLastBatch": "drop the last batch",
    "warmupEpochs": "warm-up epochs",
    "warmupLearningRate": "warm-up learning rate", "minimumLearningRate": "minimum learning rate",
    "followsReferenceSchedule": "the published code's schedule", "optimizer.name": "optimizer",
    "optimizer.clipNorm": "gradient clipping", "layerDecay": "layer-wise decay", "averageDecay": "EMA decay",
    "averageWarmsUp": "EMA warm-up", "patience": "early stopping after", "headOnly": "head only",
    "freeze": "frozen parameters", "loraRank": "LoRA rank", "loraAlpha": "LoRA alpha",
    "loraTargets": "LoRA targets",
    "cutmix": "CutMix", "drloc": "drloc loss", "drloc.weight": "weight λ", "drloc.isSigned": "signed offsets",
    "drloc.normalizes": "normalized distances", "drloc.isMultiscale": "every stage",
    "drloc.pairs": "pairs per image",
    "drloc.scheduleWarmupEpochs": "λ rises over", "balancesClasses": "balanced classes",
    "cropScale": "random crop, part of the area", "flipProbability": "mirrored",
    "verticalFlipProbability": "upside down",
    "rotationDegrees": "rotation, degrees", "augmentationPolicy": "policy", "colorJitter": "colour jitter",
    "grayscaleProbability": "gray", "erasingProbability": "random erasing", "erasingMode": "erased with",
    "erasingCount": "erased rectangles", "validationFraction": "held out for validation",
    "strictData": "unreadable images end the run", "freezesBatchNorm": "frozen batch norm",
    "recomputes": "activation checkpointing", "repeats": "repeated augmentation",
  ]

  /// The value as people write it; nil where the recipe has no such part.
  static func text(_ key: RecipeKey, _ recipe: Recipe) -> String? {
    // A part of the run's length, so often no round number.
    if key.name == "warmupEpochs" { return text(.double((recipe.settledWarmupEpochs * 1e6).rounded() / 1e6)) }
    if key.name == "drloc" { return recipe.drloc == nil ? "no" : "yes" }
    return key.write(recipe).map(text)
  }

  static func text(_ value: JSON) -> String {
    switch value {
    case .null: return "none"
    case .bool(let flag): return flag ? "yes" : "no"
    case .string(let text): return text
    case .array(let items): return items.isEmpty ? "none" : items.map(text).joined(separator: ", ")
    case .number, .object:
      // 20 rather than 20.0.
      let text = value.text()
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
  }

  /// Whether a default has any effect beside the recipe's other settings.
  static func matters(_ key: RecipeKey, _ recipe: Recipe) -> Bool {
    let mixes = recipe.mixup > 0 || recipe.cutmix > 0
    switch key.name {
    case "decayEpochs", "decayRate": return recipe.schedule == .step
    case "averageWarmsUp": return recipe.averageDecay != nil
    case "loraAlpha", "loraTargets": return recipe.loraRank != nil
    case "mixProbability": return mixes
    case "mixSwitchProbability": return recipe.mixup > 0 && recipe.cutmix > 0
    case "erasingMode", "erasingCount": return recipe.erasingProbability > 0
    default: return true
    }
  }
}
