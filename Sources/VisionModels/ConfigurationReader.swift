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

  /// A positive integer.
  mutating func size(_ key: String, default fallback: Int? = nil) throws -> Int {
    used.insert(key)
    if json[key] == nil, let fallback { return fallback }
    guard let value = json[key]?.int, value > 0, value <= 1 << 24 else {
      throw missing(key, "positive integer")
    }
    return value
  }

  mutating func optionalSize(_ key: String) throws -> Int? {
    used.insert(key)
    if json[key] == nil || json[key] == .null { return nil }
    return try size(key)
  }

  mutating func number(_ key: String) throws -> Double {
    used.insert(key)
    guard let value = json[key]?.double, value.isFinite else { throw missing(key, "number") }
    return value
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
