import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTTraining

struct RecipePageTests {
  private static func row(_ key: RecipeKey) throws -> String {
    let choices = key.kind.hasPrefix("one of") ? " O" + key.kind.dropFirst() + "." : ""
    return [
      "| `\(key.name)`", key.option.map { "`\($0)`" } ?? "", key.usual.map { "`\($0.text())`" } ?? "",
      "\(key.meaning)\(choices) |",
    ].joined(separator: " | ").replacing("|  |", with: "| |").replacing("|  |", with: "| |")
  }

  @Test func thePageHasEveryKeyWithItsOptionDefaultAndMeaning() throws {
    let page = try String(contentsOfFile: Fixtures.root + "/docs/reference/recipe.md", encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
    let expected =
      NamedRecipe.all.map { "| `\($0.name)` | \($0.about) |" } + (try RecipeKey.all.map(Self.row))
    #expect(rows == expected, "the table should be:\n\(expected.joined(separator: "\n"))")
  }

  @Test func recipesByNameMakeSense() throws {
    #expect(NamedRecipe.all.count == 5 && NamedRecipe.all.allSatisfy { !$0.about.isEmpty })
    for named in NamedRecipe.all {
      try named.recipe.validate()
      #expect(try NamedRecipe.recipe(named.name) == named.recipe && named.recipe != Recipe())
    }
    let failure = #expect(throws: Failure.self) { try NamedRecipe.recipe("paper-drlok") }
    #expect(failure?.kind == .usage && failure?.hint == "did you mean paper-drloc?")
  }
}
