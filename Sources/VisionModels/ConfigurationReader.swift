import Checkpoint

/// Reads the keys of a configuration, and refuses what is missing, of the wrong kind or unknown.
struct ConfigurationReader {
  let json: JSON
  let architecture: String
  private var used: Set<String> = ["architecture"]

  init(_ json: JSON, architecture: String) throws {
    guard json.members != nil else { throw Failure("the configuration is no JSON object") }
    if let named = json["architecture"]?.string, named != architecture {
      throw Failure("the configuration is for '\(named)', not for '\(architecture)'")
    }
    self.json = json
    self.architecture = architecture
  }

  private func missing(_ key: String, _ kind: String) -> Failure {
    json[key] == nil
      ? Failure("the configuration lacks '\(key)' (\(kind))")
      : Failure("the configuration's '\(key)' is no \(kind)")
  }

  /// Classes of the classifier; 0 for a network without one.
  mutating func classCount() throws -> Int { try count("num_classes") }

  /// Zero or a positive integer.
  mutating func count(_ key: String, default fallback: Int? = nil) throws -> Int {
    used.insert(key)
    return json[key]?.int == 0 ? 0 : try size(key, default: fallback)
  }

  /// A positive integer.
  mutating func size(_ key: String, default fallback: Int? = nil) throws -> Int {
    used.insert(key)
    if json[key] == nil, let fallback { return fallback }
    guard let value = json[key]?.int, value > 0, value <= 1 << 20 else {
      throw missing(key, "positive integer")
    }
    return value
  }

  /// A list of positive integers (`atLeast: 1`) or natural ones, `count` long where given.
  mutating func sizes(_ key: String, count: Int? = nil, atLeast: Int = 1) throws -> [Int] {
    used.insert(key)
    let values = (json[key]?.array ?? []).compactMap(\.int)
    guard let items = json[key]?.array, values.count == items.count, !values.isEmpty,
      values.allSatisfy({ $0 >= atLeast && $0 <= 1 << 20 })
    else { throw missing(key, "list of integers") }
    guard count == nil || values.count == count else {
      throw Failure(
        "the configuration's '\(key)' has \(values.count) items, not one for each of \(count ?? 0) stages")
    }
    return values
  }

  mutating func numbers(_ key: String, count: Int) throws -> [Double] {
    used.insert(key)
    let values = (json[key]?.array ?? []).compactMap(\.double)
    guard let items = json[key]?.array, values.count == items.count, values.count == count,
      values.allSatisfy(\.isFinite)
    else { throw missing(key, "list of \(count) numbers") }
    return values
  }

  mutating func flags(_ key: String, count: Int) throws -> [Bool] {
    used.insert(key)
    let values = (json[key]?.array ?? []).compactMap(\.bool)
    guard let items = json[key]?.array, values.count == items.count, values.count == count else {
      throw missing(key, "list of \(count) times true or false")
    }
    return values
  }

  mutating func optionalSize(_ key: String) throws -> Int? {
    used.insert(key)
    if json[key] == nil || json[key] == .null { return nil }
    return try size(key)
  }

  mutating func optionalSizes(_ key: String) throws -> [Int]? {
    used.insert(key)
    if json[key] == nil || json[key] == .null { return nil }
    return try sizes(key)
  }

  mutating func number(_ key: String, default fallback: Double? = nil) throws -> Double {
    used.insert(key)
    if json[key] == nil, let fallback { return fallback }
    guard let value = json[key]?.double, value.isFinite else { throw missing(key, "number") }
    return value
  }

  mutating func optionalNumber(_ key: String) throws -> Double? {
    used.insert(key)
    if json[key] == nil || json[key] == .null { return nil }
    return try number(key)
  }

  mutating func flag(_ key: String, default fallback: Bool? = nil) throws -> Bool {
    used.insert(key)
    if json[key] == nil, let fallback { return fallback }
    guard let value = json[key]?.bool else { throw missing(key, "true or false") }
    return value
  }

  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Choice.Type, default fallback: Choice? = nil
  ) throws -> Choice where Choice.RawValue == String {
    used.insert(key)
    if json[key] == nil, let fallback { return fallback }
    guard let text = json[key]?.string, let value = Choice(rawValue: text) else {
      throw missing(key, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  /// Refuses keys that nothing asked for: a typing mistake would otherwise pass in silence.
  func finish() throws {
    for member in json.members ?? [] where !used.contains(member.key) {
      throw Failure("the configuration has an unknown key '\(member.key)'")
    }
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
}
