import VTCheckpoint
import VTCore

/// What the JSON files beside weights say about them.
struct FolderReading {
  /// A configuration key and the value that a file gives.
  struct Statement {
    let key: String
    let value: JSON
    /// Values that the file's word may mean; `value` comes first.
    let accepted: [JSON]
    /// The file's own name for the key.
    let member: String
    /// Whether the file itself has the key; otherwise the value is its library's default.
    let isExplicit: Bool
    /// Whether it differs from the value that the dialect's rule file assumes anyway.
    let isInDoubt: Bool
  }

  let rules: FolderRules
  let documents: FolderDocuments
  /// The name of the file that describes the network.
  let file: String
  let statements: [Statement]
  /// The file's name for the network.
  let networkName: String?
  let classes: [String]?
  /// nil if no file gives the preprocessing.
  let preprocessing: ImageDescription?

  /// - Parameter fixed: the values that the dialect's rule file fixes.
  /// - Returns: nil if the dialect's configuration file does not exist.
  /// - Throws: `Failure` if a named folder's files are malformed or about other networks.
  init?(_ rules: FolderRules, _ documents: FolderDocuments, dialect: String, fixed: [String: JSON]) throws {
    self.rules = rules
    self.documents = documents
    file = rules.layout.configurationFile
    guard let whole = try documents.document(file) else { return nil }
    networkName = rules.networkName.flatMap { whole[$0]?.string }
    do {
      guard let relation = try rules.relation(to: whole, isNamed: documents.isNamed, dialect: dialect)
      else { return nil }
      statements = rules.statements(
        rules.inside.flatMap { whole[$0] } ?? whole, fixed: fixed, usesDefaults: relation == .said)
      try rules.checkEpsilons(statements)
      classes = try rules.layout.classes(whole)
    } catch let failure as Failure {
      guard documents.isNamed else { return nil }
      throw failure.located(file: documents.path(file))
    }
    do { try rules.checkRefused(whole) } catch let failure as Failure {
      throw failure.located(file: documents.path(file))
    }
    preprocessing = try rules.layout.preprocessing(whole, documents)
  }

  /// Contradictions between the list of classes and the tensors.
  func countContradictions(_ count: JSON?) -> [String] {
    guard let classes, let count = count?.int, classes.count != count else { return [] }
    return ["\(classes.count.counted("class", "classes")), the tensors \(count)"]
  }

  /// What to do if two files, or a file and the tensors, contradict each other.
  static let hint =
    "the folder's files are not of one network: fetch all of them again, or give the weights file by itself"
}

extension FolderRules {
  /// Why a file is taken to be about the weights.
  enum Relation {
    /// It says so.
    case said
    /// It is in the folder that the user named.
    case named
  }

  /// - Returns: nil if the file is about something else, or does not say.
  /// - Throws: `Failure` if a named folder's file says that it is about something else.
  func relation(to file: JSON, isNamed: Bool, dialect: String) throws -> Relation? {
    // The first member that is present decides.
    guard let said = about.first(where: { item in file[item.member].map { $0 != .null } ?? false }),
      let value = file[said.member]
    else { return isNamed ? .named : nil }
    let texts = value.string.map { [$0] } ?? value.array?.compactMap(\.string) ?? [value.text()]
    let filter = try NameFilter(said.patterns)
    if texts.contains(where: filter.matches) { return .said }
    guard isNamed else { return nil }
    throw Failure(
      "the file is about another network (\(said.member.joined(separator: ".")) = \(value.text())): the tensors' names are those of the dialect '\(dialect)'",
      hint: FolderReading.hint)
  }

  /// - Throws: `Failure` if the file gives a member a value that makes another network of the same tensors.
  fileprivate func checkRefused(_ file: JSON) throws {
    for item in refused {
      guard let value = file[item.member], value != .null else { continue }
      let text = value.string ?? value.text()
      guard try !NameFilter(item.unless).matches(text), !item.unless.contains(where: value.isAbout),
        item.beside.allSatisfy({ key, words in
          words.contains { word in
            self.value(of: key, in: file).map { ours($0, of: key).contains(.string(word)) } ?? true
          }
        })
      else { continue }
      throw Failure(
        "\(item.member.joined(separator: ".")) is '\(text.printable)': \(item.reason)",
        hint: "VTKit does not support this network")
    }
  }

  /// - Throws: `Failure` if a norm's epsilon is not a valid one.
  fileprivate func checkEpsilons(_ statements: [FolderReading.Statement]) throws {
    for item in statements where item.key.hasSuffix("_eps") {
      guard item.value.double.map({ $0 > 0 && $0.isFinite }) != true else { continue }
      throw Failure(
        "\(item.member) is \(item.value.text()): a norm's epsilon is a number above 0",
        hint: "correct it, or fetch the file again")
    }
  }

  fileprivate func statements(_ document: JSON, fixed: [String: JSON], usesDefaults: Bool) -> [FolderReading
    .Statement]
  {
    keys.compactMap { item in
      for source in item.sources {
        guard let value = document[source], value != .null, value != .string("") else { continue }
        let accepted = ours(value, of: item.key)
        return .init(
          key: item.key, value: accepted[0], accepted: accepted, member: source.joined(separator: "."),
          isExplicit: true, isInDoubt: fixed[item.key]?.isSame(as: accepted[0]) != true)
      }
      guard usesDefaults, let usual = defaults.first(where: { $0.key == item.key })?.value else { return nil }
      return .init(
        key: item.key, value: usual, accepted: [usual], member: item.sources[0].joined(separator: "."),
        isExplicit: false, isInDoubt: fixed[item.key]?.isSame(as: usual) != true)
    }
  }

  /// The file's value of a native key, in its library's words.
  private func value(of key: String, in file: JSON) -> JSON? {
    keys.first { $0.key == key }?.sources.lazy.compactMap { file[$0] }.first {
      $0 != .null && $0 != .string("")
    }
  }

  /// Native values for the library's, the most likely first.
  private func ours(_ value: JSON, of key: String) -> [JSON] {
    if let word = values.first(where: { $0.theirs == value.string ?? value.text() }) {
      return word.ours.map { .string($0) }
    }
    // An image's or window's two sides, if they are equal.
    if ["image_size", "window_size"].contains(key), let sides = value.array, sides.count == 2,
      sides[0] == sides[1]
    {
      return [sides[0]]
    }
    return [value]
  }

  /// The library's value for a native one.
  func theirs(_ value: JSON) -> JSON {
    guard let text = value.string, let word = values.first(where: { $0.ours.contains(text) }) else {
      return value
    }
    return ["true": .bool(true), "false": .bool(false)][word.theirs] ?? .string(word.theirs)
  }
}

extension JSON {
  /// Whether it is within a hundredth of the number that a text spells: 1.001e-05 is about 1e-05.
  fileprivate func isAbout(_ text: String) -> Bool {
    guard let own = double, let other = Double(text) else { return false }
    return abs(own - other) <= 0.01 * abs(other)
  }
}
