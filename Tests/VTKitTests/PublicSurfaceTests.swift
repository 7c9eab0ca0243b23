import Foundation
import TestSupport
import Testing

/// What is promised stays small enough to be kept, and says what it is.
struct PublicSurfaceTests {
  /// Every declaration in `Sources` that says `public`, and whether it is documented.
  private static func declarations() throws -> [(place: String, isDocumented: Bool)] {
    let root = Fixtures.root + "/Sources"
    let files = (FileManager.default.subpaths(atPath: root) ?? []).filter { $0.hasSuffix(".swift") }.sorted()
    return try files.flatMap { file in
      let lines = try String(contentsOfFile: root + "/" + file, encoding: .utf8)
        .components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
      return lines.indices.filter { isPublic(lines[$0]) }.map { index in
        // Attributes may be between a declaration and its comment.
        let above = lines[..<index].last { !$0.hasPrefix("@") || $0.contains(" ") } ?? ""
        return ("\(file):\(index + 1): \(lines[index])", above.hasPrefix("///"))
      }
    }
  }

  private static func isPublic(_ line: String) -> Bool {
    guard !line.hasPrefix("//") else { return false }
    let words = line.split(separator: " ")
    // In front of it: attributes and `indirect`, `final`, `static`.
    let first = words.first { !$0.hasPrefix("@") && !["final", "static", "indirect"].contains($0) }
    return first == "public"
  }

  @Test func everyPublicDeclarationIsDocumented() throws {
    let bare = try Self.declarations().filter { !$0.isDocumented }.map(\.place)
    #expect(bare.isEmpty, "without a comment: \(bare.joined(separator: "\n"))")
  }

  @Test func thePublicSurfaceIsSmall() throws {
    let count = try Self.declarations().count
    #expect(count < 250, "\(count) public declarations")
    #expect(count > 50, "are they still found? \(count)")
  }
}
