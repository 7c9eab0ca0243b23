import Foundation
import VTCheckpoint
import VTCore

/// A recipe that VTKit brings: a file of `recipes/`, embedded. A new one is a new file there.
package struct NamedRecipe: Sendable {
  package let name: String
  /// Whose setting it is and when to use it.
  package let about: String
  package let recipe: Recipe

  package static let all: [NamedRecipe] = EmbeddedFiles.all.map { file in
    let name = String(file.path.drop { $0 != "/" }.dropFirst().dropLast(".json".count))
    do {
      let json = try JSON(parsing: Data(file.text.utf8))
      var recipe = Recipe()
      try recipe.overlay(json)
      return NamedRecipe(name: name, about: json["about"]?.string ?? "", recipe: recipe)
    } catch { fatalError("recipes/\(name).json: \(error)") }
  }

  /// A file's recipe, or one of these by its name. A file of the same name comes first.
  /// - Throws: `Failure` where there is neither, or naming the file's key that makes no sense.
  package static func recipe(_ text: String) throws -> Recipe {
    if !FileManager.default.fileExists(atPath: text) {
      if let known = all.first(where: { $0.name == text }) { return known.recipe }
      if text == RecipeChoice.name {
        throw Failure(
          .usage, "--recipe \(text) chooses by the images, and there are none here",
          hint: "give them with --data, or choose one of \(all.map(\.name).joined(separator: ", "))")
      }
      if !text.contains("/") && !text.hasSuffix(".json") {
        let names = all.map(\.name) + [RecipeChoice.name]
        let close = text.closest(in: names)
        throw Failure(
          .usage, "--recipe \(text.printable): there is no such file, and no recipe of this name",
          hint: close.isEmpty
            ? "there are \(names.joined(separator: ", "))"
            : "did you mean \(close.joined(separator: " or "))?")
      }
    }
    return try Recipe(contentsOf: text)
  }
}
