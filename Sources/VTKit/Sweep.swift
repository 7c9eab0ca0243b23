import Foundation
import VTCore
import VTTraining

/// Several settings of a recipe, each trained with several seeds: what a setting is worth is told with its scatter.
package struct Sweep {
  /// A name, and what it changes in the recipe.
  package struct Setting: Sendable {
    package let name: String
    package let recipe: Recipe
  }

  /// The checkpoint that all runs begin with; nil where they begin at random.
  package let checkpoint: String?
  /// A published network's name, or a configuration, for runs that begin at random.
  package let model: JSON?
  package let data: String
  /// Holds a folder for each setting, in which there is a run for each seed.
  package let output: String
  package let seeds: [UInt64]
  package let settings: [Setting]

  /// Reads a sweep file: YAML, or JSON, which is YAML too. Paths in it count from the file's folder.
  /// - Throws: `Failure` naming the file and the key that is missing, unknown or makes no sense.
  package init(contentsOf path: String, output given: String?) throws {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw Failure.system("opening the sweep", file: path, code: ENOENT)
    }
    do {
      let json = try JSON(yaml: String(decoding: bytes, as: UTF8.self))
      let folder = (path as NSString).deletingLastPathComponent
      func place(_ text: String) -> String {
        text.hasPrefix("/") || folder.isEmpty ? text : folder + "/" + text
      }
      var rest = Set((json.members ?? []).map(\.key))
      guard json.members != nil else { throw Failure("a sweep is a mapping with data, settings and seeds") }
      func take(_ key: String) -> JSON? {
        rest.remove(key)
        return json[key].flatMap { $0 == .null ? nil : $0 }
      }
      func text(_ key: String) throws -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.string else { throw Failure("'\(key)' must be a text") }
        return text
      }
      checkpoint = try text("checkpoint").map(place)
      model = take("model")
      guard (checkpoint == nil) != (model == nil) else {
        throw Failure(
          "give either 'checkpoint' or 'model'", hint: "model: vit_tiny_patch16_224, or a configuration")
      }
      guard let data = try text("data") else { throw Failure("'data' is missing: the folder of images") }
      self.data = place(data)
      guard let output = try given ?? text("output").map(place) else {
        throw Failure("'output' is missing: the folder for the runs", hint: "or pass --output")
      }
      rest.remove("output")
      self.output = output
      seeds = try Self.seeds(take("seeds"))
      settings = try Self.settings(take("settings"), over: take("recipe"))
      if let unknown = rest.min() {
        let known = ["checkpoint", "model", "data", "output", "seeds", "recipe", "settings"]
        let close = unknown.closest(in: known)
        throw Failure(
          "a sweep has no key '\(unknown.printable)'",
          hint: "did you mean \((close.isEmpty ? known : close).joined(separator: " or "))?")
      }
    } catch let failure as Failure { throw failure.located(file: path) }
  }

  private static func seeds(_ json: JSON?) throws -> [UInt64] {
    guard let json else { return [0, 1, 2] }
    let seeds = json.array?.compactMap { $0.int.flatMap { $0 >= 0 ? UInt64($0) : nil } } ?? []
    guard !seeds.isEmpty, seeds.count == json.array?.count, Set(seeds).count == seeds.count else {
      throw Failure("'seeds' is a list of different whole numbers from 0 on")
    }
    return seeds
  }

  private static func settings(_ json: JSON?, over common: JSON?) throws -> [Setting] {
    var base = Recipe()
    if let common {
      do { try base.overlay(common) } catch var failure as Failure {
        failure.problem = "'recipe': " + failure.problem
        throw failure
      }
    }
    guard let members = json?.members, !members.isEmpty else {
      throw Failure("'settings' is missing: names, each with what it changes in the recipe")
    }
    return try members.map { member in
      let name = member.key
      guard !name.isEmpty, !name.hasPrefix("."),
        name.allSatisfy({ $0.isLetter || $0.isNumber || "-_.=+".contains($0) })
      else { throw Failure("the setting '\(name.printable)' names a folder: letters, digits, - _ . = +") }
      var recipe = base
      do { if member.value != .null { try recipe.overlay(member.value) } } catch var failure as Failure {
        failure.problem = "the setting '\(name.printable)': " + failure.problem
        throw failure
      }
      return Setting(name: name, recipe: recipe)
    }
  }

  package func path(_ setting: Setting, _ seed: UInt64) -> String {
    "\(output)/\(setting.name)/seed-\(seed)"
  }
}
