import VTCheckpoint
import VTCore

/// A sentence of a rule file with `{expressions}` in it.
struct MessageTemplate: Sendable {
  private enum Part: Sendable {
    case text(String)
    case expression(Expression)
  }

  private let parts: [Part]

  /// - Throws: `Failure` if an expression is malformed.
  init(_ text: String) throws {
    var parts: [Part] = []
    var rest = Substring(text)
    while let open = rest.firstIndex(of: "{") {
      parts.append(.text(String(rest[..<open])))
      guard let close = rest[open...].firstIndex(of: "}") else { throw Failure("a brace is not closed") }
      parts.append(.expression(try Expression(String(rest[rest.index(after: open)..<close]))))
      rest = rest[rest.index(after: close)...]
    }
    self.parts = parts + [.text(String(rest))]
  }

  /// The sentence; `?` replaces what has no value.
  func text(_ lookUp: (String) -> JSON?) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .expression(let expression): expression.evaluate(lookUp)?.text() ?? "?"
      }
    }.joined()
  }
}
