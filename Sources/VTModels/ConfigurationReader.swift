import VTCheckpoint
import VTCore
import VTTensor

/// A key of an architecture's configuration, as the code that reads it says. What it means is in the architecture's
/// `schema.yaml`, which a test holds to this.
package struct ConfigurationKey: Sendable, Equatable {
  package let name: String
  /// What belongs there ("positive integer").
  package let kind: String
  /// What is taken where it is left out; nil where it must be given.
  package let usual: String?
}

/// Reads the keys of a configuration. What is missing, of the wrong kind or unknown is collected, so that one error
/// tells all of it; until then a placeholder takes its place.
public struct ConfigurationReader {
  let json: JSON
  let architecture: String
  /// The keys that were asked for, in order.
  private(set) var keys: [ConfigurationKey]
  private var missing: [ConfigurationKey] = []
  private var malformed: [String] = []

  /// - Throws: `Failure` where there are no keys, or those of another architecture.
  init(_ json: JSON, architecture: String) throws {
    guard json.members != nil else { throw Failure("the configuration is not a JSON object") }
    if let named = json["architecture"]?.string, named != architecture {
      throw Failure("the configuration is for '\(named)', not for '\(architecture)'")
    }
    self.json = json
    self.architecture = architecture
    keys = [
      ConfigurationKey(
        name: "architecture", kind: "'\(architecture)'", usual: nil)
    ]
  }

  // MARK: Numbers

  /// A positive integer.
  /// - Parameters:
  ///   - key: the configuration's key.
  ///   - fallback: taken where the key is left out; nil where it must be given.
  ///   - usual: says what is taken, where `fallback` depends on other keys.
  public mutating func size(_ key: String, default fallback: Int? = nil, usual: String? = nil) -> Int {
    read(key, "positive integer", fallback, usual: usual ?? fallback.map { String($0) }, placeholder: 1) {
      $0.int.flatMap { (1...Self.largest(key)).contains($0) ? $0 : nil }
    }
  }

  /// Zero or a positive integer; see `size`.
  public mutating func count(_ key: String, default fallback: Int? = nil) -> Int {
    read(
      key, "0 or a positive integer", fallback, usual: fallback.map { String($0) }, placeholder: 0
    ) { $0.int.flatMap { (0...Self.largest(key)).contains($0) ? $0 : nil } }
  }

  /// A finite number; see `size`.
  public mutating func number(_ key: String, default fallback: Double? = nil) -> Double {
    read(key, "number", fallback, usual: fallback.map { JSON.double($0).text() }, placeholder: 1) {
      $0.double.flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// What a norm adds to the variance: a number above 0.
  mutating func epsilon(_ key: String, default fallback: Double? = nil) -> Double {
    read(
      key, "number above 0", fallback, usual: fallback.map { JSON.double($0).text() }, placeholder: 1
    ) { $0.double.flatMap { $0.isFinite && $0 > 0 ? $0 : nil } }
  }

  mutating func optionalSize(_ key: String) -> Int? {
    read(key, "positive integer, or null", .some(nil), usual: "null", placeholder: nil) { value in
      if value == .null { return .some(nil) }
      return value.int.flatMap { (1...Self.largest(key)).contains($0) ? $0 : nil }
    }
  }

  mutating func optionalNumber(_ key: String) -> Double? {
    read(key, "number, or null", .some(nil), usual: "null", placeholder: nil) { value in
      if value == .null { return .some(nil) }
      return value.double.flatMap { $0.isFinite ? $0 : nil }
    }
  }

  // MARK: Lists

  /// A list of positive integers (`atLeast: 1`) or natural ones, one for each of `count` stages where given.
  mutating func sizes(_ key: String, count: Int? = nil, atLeast: Int = 1) -> [Int] {
    list(key, "integers", count: count, placeholder: 1) {
      $0.int.flatMap { (atLeast...Self.largest(key)).contains($0) ? $0 : nil }
    }
  }

  mutating func optionalSizes(_ key: String) -> [Int]? {
    read(key, "list of integers, or null", .some(nil), usual: "null", placeholder: nil) { value in
      if value == .null { return .some(nil) }
      return Self.items(value) { $0.int.flatMap { (1...Self.largest(key)).contains($0) ? $0 : nil } }
    }
  }

  mutating func numbers(_ key: String, count: Int) -> [Double] {
    list(key, "numbers", count: count, placeholder: 1) {
      $0.double.flatMap { $0.isFinite ? $0 : nil }
    }
  }

  mutating func flags(_ key: String, count: Int) -> [Bool] {
    list(key, "true and false", count: count, placeholder: false) { $0.bool }
  }

  // MARK: Choices

  /// True or false; see `size`.
  public mutating func flag(_ key: String, default fallback: Bool? = nil) -> Bool {
    read(key, "true or false", fallback, usual: fallback.map { String($0) }, placeholder: false) { $0.bool }
  }

  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Choice.Type, default fallback: Choice? = nil,
    usual: String? = nil
  ) -> Choice where Choice.RawValue == String {
    let kind = "one of " + Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    return read(
      key, kind, fallback, usual: usual ?? fallback?.rawValue,
      placeholder: Choice.allCases[Choice.allCases.startIndex]
    ) { $0.string.flatMap(Choice.init) }
  }

  // MARK: The end

  /// Refuses what is missing, malformed, or what nothing asked for: a typing mistake would otherwise pass in silence.
  /// - Throws: `Failure` that lists all of it, and what is taken where a key is left out.
  public func finish() throws {
    let known = keys.map(\.name)
    let unknown = (json.members ?? []).map(\.key).filter { !known.contains($0) }
    guard !missing.isEmpty || !malformed.isEmpty || !unknown.isEmpty else { return }
    var lines: [String] = []
    if !missing.isEmpty {
      lines.append("missing: " + missing.map { "\($0.name) (\($0.kind))" }.joined(separator: ", "))
    }
    for key in unknown {
      let close = key.closest(in: known, limit: 1).first.map { " (is it '\($0)'?)" }
      lines.append("unknown: '\(key.printable)'" + (close ?? ""))
    }
    lines += malformed
    let defaults = keys.compactMap { key in key.usual.map { "\(key.name) = \($0)" } }
    throw Failure(
      "the configuration does not describe a network of the architecture '\(architecture)':\n"
        + lines.map { "  " + $0 + "\n" }.joined(),
      hint:
        "correct the configuration ('vtkit models --keys \(architecture)' explains every key); keys left out are "
        + defaults.joined(separator: ", "))
  }

  /// Beyond it nothing can be computed. Each block has parameters with names of their own, so these are fewer.
  private static func largest(_ key: String) -> Int { key.hasPrefix("depth") ? 4096 : 1 << 20 }

  private mutating func read<Value>(
    _ name: String, _ kind: String, _ fallback: Value?, usual: String?, placeholder: Value,
    _ parse: (JSON) -> Value?
  ) -> Value {
    let key = ConfigurationKey(name: name, kind: kind, usual: usual)
    keys.append(key)
    guard let given = json[name] else {
      if let fallback { return fallback }
      missing.append(key)
      return placeholder
    }
    if let value = parse(given) { return value }
    if let number = given.int, number > Self.largest(name) {
      malformed.append("'\(name)' is \(number), more than any network has")
      return fallback ?? placeholder
    }
    // Two sides of an image, a patch or a window.
    let isRectangle = given.array?.count == 2 && name.hasSuffix("_size")
    malformed.append(
      "'\(name)' is \(String(given.text().prefix(60))), not \(Self.withArticle(kind))"
        + (isRectangle ? ": VTKit's networks are square" : ""))
    return fallback ?? placeholder
  }

  private mutating func list<Item>(
    _ name: String, _ kind: String, count: Int?, placeholder: Item,
    _ parse: (JSON) -> Item?
  ) -> [Item] {
    let items = read(
      name, "list of " + kind, nil, usual: nil,
      placeholder: [Item](repeating: placeholder, count: count ?? 1)
    ) { Self.items($0, parse) }
    guard let count, items.count != count else { return items }
    malformed.append("'\(name)' has \(items.count) items, not one for each of \(count) stages")
    return [Item](repeating: placeholder, count: count)
  }

  private static func items<Item>(_ value: JSON, _ parse: (JSON) -> Item?) -> [Item]? {
    guard let array = value.array, !array.isEmpty else { return nil }
    let items = array.compactMap(parse)
    return items.count == array.count ? items : nil
  }

  private static func withArticle(_ kind: String) -> String {
    ["one of", "0 or", "true or", "'"].contains { kind.hasPrefix($0) } ? kind : "a " + kind
  }
}

extension NetworkConfiguration {
  /// Refuses sizes at which a network could never run, before anything of their order is made.
  /// - Parameter side: cells along one side of the finest grid.
  func checkGrid(side: Int) throws {
    guard side <= 1024 else {
      throw Failure("a grid of \(side) x \(side) tokens is beyond what can be computed")
    }
  }

  /// - Throws: `Failure` naming the keys that are missing, malformed, unknown or contradict others.
  package init(_ json: JSON) throws {
    var reader = try ConfigurationReader(json, architecture: Self.architecture)
    try self.init(reading: &reader)
  }

  /// Every key, in the order in which it is read.
  static var keys: [ConfigurationKey] {
    guard var reader = try? ConfigurationReader(.object([JSON.Member]()), architecture: architecture) else {
      return []
    }
    // Without any key the reading ends in an error; what was asked for is what counts.
    _ = try? Self(reading: &reader)
    return reader.keys
  }
}

extension ConfigurationReader {
  /// The keys that every transformer has.
  mutating func transformerKeys() -> (
    imageSize: Int, inChannels: Int, numClasses: Int, normEps: Double, activation: Activation
  ) {
    (
      size("image_size"),
      size("in_channels", default: 3),
      count("num_classes"),
      epsilon("norm_eps"),
      choice("activation", Activation.self)
    )
  }
}
