/// The optimizers that a recipe can name.
package enum Optimizers {
  package static let all: [any Optimizer.Type] = [AdamW.self, SGD.self, Lion.self]

  package static var names: [String] { all.map { $0.name } }

  /// For messages.
  static var list: String { "one of " + names.joined(separator: ", ") }
}
