import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTTraining

struct RecipePageTests {
  private static func row(_ key: RecipeKey) throws -> String {
    // The default, under the first optimizer that has the key; an object has none of its own.
    let usual = Optimizers.names.lazy.compactMap { name in
      var recipe = Recipe()
      recipe.optimizer = OptimizerSettings(name)
      return key.write(recipe)
    }.first
    let choices = key.kind.hasPrefix("one of") ? " O" + key.kind.dropFirst() + "." : ""
    return [
      "| `\(key.name)`", key.option.map { "`\($0)`" } ?? "", usual.map { "`\($0.text())`" } ?? "",
      "\(key.meaning)\(choices) |",
    ].joined(separator: " | ").replacing("|  |", with: "| |").replacing("|  |", with: "| |")
  }

  @Test func thePageHasEveryKeyWithItsOptionDefaultAndMeaning() throws {
    let page = try String(contentsOfFile: Fixtures.root + "/docs/reference/recipe.md", encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
    let expected = try RecipeKey.all.map(Self.row)
    #expect(rows == expected, "the table should be:\n\(expected.joined(separator: "\n"))")
  }
}
