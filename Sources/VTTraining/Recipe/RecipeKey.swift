import VTCore
import VTData

/// One key of a recipe: how it is read, written and checked. `RecipeKeys.swift` lists them all.
package struct RecipeKey: Sendable {
  /// `drloc.pairs` is the key `pairs` of the object `drloc`.
  package let name: String
  /// The option of `vtkit finetune`; nil where `--set` alone gives it.
  package let option: String?
  /// One sentence, for help and the reference page.
  package let meaning: String
  /// The version of recipes that brought it.
  let since: Int
  /// What belongs there, with an article.
  let kind: String
  /// False where the JSON is of another kind.
  let read: @Sendable (inout Recipe, JSON) -> Bool
  /// nil where the recipe has no such part.
  let write: @Sendable (Recipe) -> JSON?
  /// What is wrong with the recipe's value: `must be positive`.
  private(set) var problem: @Sendable (Recipe) -> String?

  /// The same key, whose value must fit others of the recipe.
  func checked(_ problem: @escaping @Sendable (Recipe) -> String?) -> RecipeKey {
    var key = self
    key.problem = problem
    return key
  }

  /// The default, under the first optimizer that has the key; nil for an object, which is written by its keys.
  package var usual: JSON? {
    Optimizers.names.lazy.compactMap { name in
      var recipe = Recipe()
      recipe.optimizer = OptimizerSettings(name)
      return write(recipe)
    }.first
  }

  /// The default, for help; empty where it says nothing.
  package var usualText: String {
    guard let usual, usual != .null else { return "" }
    let value = usual.array?.first ?? usual
    return " (default: \(value.string ?? value.text()))"
  }

  /// The option's name, or the way to set the key without one.
  var spelledAsOption: String { option ?? "--set \(name)" }

  /// The object in front of the dot.
  var object: String? { name.firstIndex(of: ".").map { String(name[..<$0]) } }
}

/// What a value may be: nil, or what is wrong with it.
typealias Limit<Value> = @Sendable (Value) -> String?

extension RecipeKey {
  /// A key of the recipe itself.
  init<Value>(
    _ name: String, _ option: String?, _ path: WritableKeyPath<Recipe, Value> & Sendable,
    _ value: RecipeValue<Value>, since: Int = 0, _ meaning: String,
    _ limit: @escaping Limit<Value> = { _ in nil }
  ) {
    self.init(
      name: name, option: option, meaning: meaning, since: since, kind: value.kind,
      read: { recipe, json in
        guard let given = value.parse(json) else { return false }
        recipe[keyPath: path] = given
        return true
      },
      write: { value.json($0[keyPath: path]) }, problem: { limit($0[keyPath: path]) })
  }

  /// A key of the object `drloc`, which may be null.
  init<Value>(
    drloc name: String, _ option: String, _ path: WritableKeyPath<DrlocOptions, Value> & Sendable,
    _ value: RecipeValue<Value>, _ meaning: String, _ limit: @escaping Limit<Value> = { _ in nil }
  ) {
    self.init(
      name: "drloc." + name, option: option, meaning: meaning, since: 0, kind: value.kind,
      read: { recipe, json in
        guard let given = value.parse(json) else { return false }
        recipe.drloc?[keyPath: path] = given
        return true
      },
      write: { $0.drloc.map { value.json($0[keyPath: path]) } },
      problem: { $0.drloc.flatMap { limit($0[keyPath: path]) } })
  }
}

/// The usual limits.
enum Limits {
  /// Products of such numbers stay within an integer.
  static let mostEpochs = 1_000_000
  static let mostImages = 1 << 20

  /// Rates are computed with in single precision.
  private static func isRate(_ value: Double) -> Bool { value >= 0 && Float(value).isFinite }

  static let part: Limit<Double> = { $0 >= 0 && $0 < 1 ? nil : "must be in 0..<1" }
  static let share: Limit<Double> = { (0...1).contains($0) ? nil : "must be in 0...1" }
  static let rate: Limit<Double> = { isRate($0) ? nil : "must not be negative" }
  static let positiveRate: Limit<Double> = { $0 > 0 && isRate($0) ? nil : "must be positive" }

  static let policy: Limit<String> = { name in
    do {
      _ = try AugmentationPolicies.named(name)
      return nil
    } catch let failure as Failure {
      return "is '\(name.printable)': \(failure.problem)"
    } catch {
      return "is '\(name.printable)': \(error)"
    }
  }

  /// Of brightness, contrast, saturation and hue.
  static let jitter: Limit<[Double]> = { spreads in
    guard spreads.count == 4, spreads.allSatisfy({ $0 >= 0 && $0 <= 100 }) else {
      return "must be numbers from 0 to 100"
    }
    return spreads[3] <= 0.5 ? nil : "must turn the hue by at most 0.5"
  }

  static func count(_ most: Int) -> Limit<Int> {
    { $0 < 1 ? "must be at least 1" : $0 > most ? "must be at most \(most)" : nil }
  }
}
