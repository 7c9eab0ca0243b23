import Foundation
import VTCheckpoint
import VTCore

/// Recipes as JSON: files that users write, and the `recipe` of a run folder's `config.json`.
extension Recipe {
  /// What this code writes. A key that is added says which version brought it: files of the versions before lack it. Version 4
  /// brought step-by-step unfreezing and what a run keeps; version 3 the cache and the teacher; version 2 schedules that end the warm-up where they begin, and the use of an epoch's
  /// last images; version 1 names the optimizer; the recipes before it have no version.
  static let version = 4

  /// Which keys a recipe's JSON must have.
  enum Completeness {
    /// None: a file that users write, over a recipe that has them all.
    case partial
    /// All that there were in its version: a run folder's.
    case whole
    /// A run folder's of format 1, which left out keys that it did not know, and wrote no nulls.
    case earlier
  }

  /// Reads a recipe file. What it leaves out has its usual value.
  /// - Throws: `Failure` naming the file and the key that is unknown or makes no sense.
  public init(contentsOf path: String) throws {
    guard let data = try RunFile.read(path) else {
      throw Failure.system("opening the recipe", file: path, code: ENOENT)
    }
    self.init()
    do { _ = try read(JSON(parsing: data), .partial) } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  /// Takes what JSON as in a recipe file says over what the recipe has.
  /// - Throws: `Failure` naming the key that is unknown or makes no sense.
  package mutating func overlay(_ json: JSON) throws { _ = try read(json, .partial) }

  /// Every key, written out.
  package var json: JSON {
    var members = [JSON.Member(key: "version", value: .int(Self.version))]
    var inner: [JSON.Member] = []
    let keys = RecipeKey.all(optimizer: optimizer.name)
    for (index, key) in keys.enumerated() {
      guard let value = key.write(self) else { continue }
      guard let object = key.object else {
        members.append(.init(key: key.name, value: value))
        continue
      }
      inner.append(.init(key: String(key.name.dropFirst(object.count + 1)), value: value))
      if index + 1 == keys.count || keys[index + 1].object != object {
        members.append(.init(key: object, value: .object(inner)))
        inner = []
      }
    }
    return .object(members)
  }

  /// Takes what the JSON says; what it leaves out stays as it is.
  /// - Returns: keys that an earlier version left out, and that keep their usual values.
  /// - Throws: `Failure` naming the key that is missing, unknown or makes no sense.
  mutating func read(_ json: JSON, _ completeness: Completeness) throws -> [String] {
    var given = try Self.flattened(json)
    // For people.
    if let about = given.removeValue(forKey: "about"), completeness == .partial, about.string == nil {
      throw Failure("the recipe's 'about' must be a text")
    }
    let version = try Self.version(given.removeValue(forKey: "version"), completeness)
    if version < 2, completeness != .partial || version == 1 { doAsBefore() }
    var lacking: [String] = []
    func take(_ key: RecipeKey, into recipe: inout Recipe) throws {
      guard let value = given.removeValue(forKey: key.name) else {
        switch completeness {
        case .partial: break
        case .whole where key.since <= version:
          throw Failure("the recipe lacks '\(key.name)' (\(key.kind))")
        case .whole: break
        // Of what may be null, its way to say that there is none.
        case .earlier where key.read(&recipe, .null): break
        case .earlier: if key.since == 0 { lacking.append(key.name) }
        }
        return
      }
      guard key.read(&recipe, value) else {
        throw Failure(
          "the recipe's '\(key.name)' is \(String(value.text().prefix(60)).printable), and must be \(key.kind)",
          hint: completeness == .whole && key.name == "optimizer.name" ? Self.ownOptimizerHint : nil)
      }
    }
    // These decide which others there are.
    let first = ["optimizer.name", "drloc"]
    for key in RecipeKey.all where first.contains(key.name) { try take(key, into: &self) }
    for key in RecipeKey.all(optimizer: optimizer.name) where !first.contains(key.name) {
      if key.object != "drloc" || drloc != nil { try take(key, into: &self) }
    }
    if let unknown = given.keys.min() { throw unknownKey(unknown, completeness) }
    try validate(spelling: { "the recipe's '\($0.name)'" }, kind: .badInput)
    return lacking
  }

  /// For whoever goes on with a run of another program.
  private static let ownOptimizerHint =
    "an optimizer of a program's own is known to that program alone, once it has registered it: resume the run with that program"

  /// What all versions before the second did.
  private mutating func doAsBefore() {
    followsReferenceSchedule = true
    dropsLastBatch = true
  }

  /// The values by dotted keys.
  private static func flattened(_ json: JSON) throws -> [String: JSON] {
    guard let members = json.members else { throw Failure("the recipe is not a JSON object") }
    let objects = Set(RecipeKey.all.compactMap(\.object))
    var result: [String: JSON] = [:]
    for member in members {
      let isObject = objects.contains(member.key)
      // An object that may be null has a key of its own.
      let isKey = RecipeKey.all.contains { $0.name == member.key }
      if isObject, let inner = member.value.members {
        for part in inner { result[member.key + "." + part.key] = part.value }
        if isKey { result[member.key] = member.value }
      } else if isObject && !isKey {
        throw Failure(
          "the recipe's '\(member.key)' is \(String(member.value.text().prefix(60)).printable), and must be an object"
        )
      } else if member.key.contains(".") {
        throw Failure(
          "the recipe has the key '\(member.key.printable)', which this version of VTKit does not know",
          hint: "what is in front of the dot is an object: {\"drloc\": {\"pairs\": 32}}")
      } else {
        result[member.key] = member.value
      }
    }
    return result
  }

  private static func version(_ value: JSON?, _ completeness: Completeness) throws -> Int {
    guard let value else { return 0 }
    guard let version = value.int, version >= 0 else {
      throw Failure("the recipe's 'version' is not a whole number from 0 on")
    }
    guard version <= Self.version else {
      throw Failure(
        "the recipe is of a newer version of VTKit (version \(version); this one knows up to \(Self.version))"
      )
    }
    return version
  }

  private func unknownKey(_ name: String, _ completeness: Completeness) -> Failure {
    if RecipeKey.all.contains(where: { $0.name == name }) {
      return Failure(
        "the recipe has the key '\(name)', which the optimizer '\(optimizer.name)' does not know")
    }
    let problem = "the recipe has the key '\(name.printable)', which this version of VTKit does not know"
    guard completeness == .partial else {
      return Failure(
        problem, hint: "go on with the version that began the run, or remove the key if it was added by hand")
    }
    let close = name.closest(in: RecipeKey.all.map(\.name))
    return Failure(
      problem,
      hint: close.isEmpty
        ? "vtkit finetune --print-recipe shows all keys" : "did you mean \(close.joined(separator: " or "))?")
  }
}
