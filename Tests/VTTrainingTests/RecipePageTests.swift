import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTTraining

struct RecipePageTests {
  /// Keys of objects within as `optimizer.beta1`.
  private static func flattened(_ json: JSON, _ prefix: String = "") -> [(key: String, value: JSON)] {
    (json.members ?? []).flatMap { member in
      let key = prefix + member.key
      return member.value.members == nil ? [(key, member.value)] : flattened(member.value, key + ".")
    }
  }

  @Test func thePageHasEveryKeyWithItsDefault() throws {
    let page = try String(contentsOfFile: Fixtures.root + "/docs/reference/recipe.md", encoding: .utf8)
    var listed: [String: String] = [:]
    for row in page.split(separator: "\n") where row.hasPrefix("| `") {
      let cells = row.split(separator: "|").map { cell in
        cell.filter { $0 != "`" }.trimmingCharacters(in: .whitespaces)
      }
      listed[cells[0]] = cells[2]
    }
    // The row of the object itself.
    #expect(listed.removeValue(forKey: "drloc") == "")
    let keys = Self.flattened(Recipe().json)
    #expect(Set(keys.map(\.key)) == Set(listed.keys))
    for (key, value) in keys {
      let text = try #require(listed[key])
      let shown = try JSON(parsing: Data(text.utf8))
      #expect(
        shown == value || (shown.double != nil && shown.double == value.double)
          || (shown.array != nil && shown.array?.map(\.double) == value.array?.map(\.double)),
        "\(key): \(text), not \(value.text())")
    }
  }
}
