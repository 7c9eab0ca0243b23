import VTCore

/// In what several runs' settings differ.
package enum RecipeDifferences {
  /// A setting: what it is called, and its value in words.
  package typealias Setting = (name: String, value: String)

  /// Settings that are not the same everywhere: what they are called, and each value; nil where there is none.
  package static func among(_ settings: [[Setting]]) -> [(name: String, values: [String?])] {
    var names: [String] = []
    for (name, _) in settings.joined() where !names.contains(name) { names.append(name) }
    return names.compactMap { name in
      let values = settings.map { settings in settings.first { $0.name == name }?.value }
      // What a run has no use for, and all others agree on, is told by what it lacks: drloc's numbers, an optimizer's.
      return Set(values.compactMap(\.self)).count > 1 ? (name, values) : nil
    }
  }
}

extension Recipe {
  /// λ of the drloc loss, in words.
  package var drlocSetting: RecipeDifferences.Setting {
    ("drloc", drloc.map { "λ = \($0.weight.map { JSON.double($0).text() } ?? "the network's")" } ?? "none")
  }

  /// All other settings, by their options or keys.
  package var settings: [RecipeDifferences.Setting] {
    RecipeKey.all(optimizer: optimizer.name).compactMap { key in
      ["drloc", "drloc.weight"].contains(key.name)
        ? nil : key.write(self).map { (key.option ?? key.name, $0.string ?? $0.text()) }
    }
  }
}
