import VTCore

/// What the command line changes in a recipe, and the check of the result.
extension Recipe {
  /// A key's value as an option gives it.
  package struct Override: Sendable {
    package let key: String
    package let value: JSON

    package init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }

    /// - Parameter text: `KEY=VALUE`; a value that is not JSON is text.
    /// - Throws: `Failure` where there is no `=`.
    package init(parsing text: String) throws {
      guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
        throw Failure(
          .usage, "--set \(text.printable) is not KEY=VALUE", hint: "such as --set optimizer.beta2=0.95")
      }
      let value = String(text[text.index(after: sign)...])
      self.init(String(text[..<sign]), (try? JSON(parsing: value)) ?? .string(value))
    }
  }

  /// - Throws: `Failure` naming the option that is unknown, given twice, or makes no sense.
  package mutating func apply(_ overrides: [Override]) throws {
    var rest = overrides
    if let twice = rest.indices.first(where: { index in rest[..<index].contains { $0.key == rest[index].key }
    }) {
      let name = Self.key(rest[twice].key, nil)?.spelledAsOption ?? rest[twice].key
      throw Failure(.usage, "\(name.printable) is given twice")
    }
    // Without the loss, its numbers say nothing.
    if rest.contains(where: { $0.key == "drloc" && $0.value == .null }) {
      rest.removeAll { $0.key.hasPrefix("drloc.") }
    } else if drloc == nil, rest.contains(where: { $0.key.hasPrefix("drloc.") }) {
      drloc = DrlocOptions()
    }
    // It decides which others there are.
    for override in rest.filter({ $0.key == "optimizer.name" }) + rest.filter({ $0.key != "optimizer.name" })
    {
      guard let key = Self.key(override.key, optimizer.name) else { throw unknown(override.key) }
      guard key.read(&self, override.value) else {
        throw Failure(
          .usage,
          "\(key.spelledAsOption) is \(String(override.value.text().prefix(60)).printable), and must be \(key.kind)"
        )
      }
    }
  }

  /// - Parameter optimizer: nil for the keys of all.
  private static func key(_ name: String, _ optimizer: String?) -> RecipeKey? {
    (optimizer.map { RecipeKey.all(optimizer: $0) } ?? RecipeKey.all).first { $0.name == name }
  }

  private func unknown(_ name: String) -> Failure {
    if let key = Self.key(name, nil) {
      return Failure(.usage, "\(key.spelledAsOption): the optimizer '\(optimizer.name)' has no such number")
    }
    let close = name.closest(in: RecipeKey.all.map(\.name))
    return Failure(
      .usage, "--set: a recipe has no key '\(name.printable)'",
      hint: close.isEmpty
        ? "vtkit finetune --print-recipe shows all keys" : "did you mean \(close.joined(separator: " or "))?")
  }

  /// - Throws: `Failure` naming the option that makes no sense.
  package func validate() throws { try validate(spelling: \.spelledAsOption, kind: .usage) }

  /// - Parameter spelling: what a key is called in the message.
  func validate(spelling: (RecipeKey) -> String, kind: Failure.Kind) throws {
    for key in RecipeKey.all(optimizer: optimizer.name) {
      if let problem = key.problem(self) { throw Failure(kind, "\(spelling(key)) \(problem)") }
    }
  }
}
