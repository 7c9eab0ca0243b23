import VTCore

/// A policy that chooses operations at random for each image: RandAugment, AutoAugment, TrivialAugment or AugMix.
package protocol AugmentationPolicy: Sendable {
  /// - Parameter random: the policy's own numbers for this image and epoch.
  func apply(_ image: Image, _ geometry: GeometrySettings, _ random: inout CounterGenerator) throws -> Image
}

/// The policies by name.
package enum AugmentationPolicies {
  /// Names, for help: of RandAugment and AugMix, which have numbers, an example each.
  package static let examples =
    ["rand-m9-mstd0.5-inc1"] + AutoAugment.names.map { "autoaugment-" + $0 }
    + ["trivialaugment", "augmix-m3-w3"]

  /// - Throws: `Failure` that says what the name has wrong.
  package static func named(_ name: String) throws -> any AugmentationPolicy {
    var parts = name.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    let first = parts.removeFirst()
    switch first {
    case "rand": return try RandAugment(PolicySections(parts, of: "RandAugment"))
    case "augmix": return try AugMix(PolicySections(parts, of: "AugMix"))
    case "trivialaugment":
      guard parts.isEmpty else {
        throw Failure("TrivialAugment has no sections, such as '\(parts[0].printable)'")
      }
      return TrivialAugment()
    case "autoaugment":
      guard let policy = parts.first else {
        let known = AutoAugment.names.joined(separator: ", ")
        throw Failure("it does not say which policy of AutoAugment: \(known)")
      }
      return try AutoAugment(policy, PolicySections(Array(parts.dropFirst()), of: "AutoAugment"))
    // As timm writes them.
    case _ where AutoAugment.names.contains(first):
      return try AutoAugment(first, PolicySections(parts, of: "AutoAugment"))
    default:
      throw Failure("there is no such policy; there are \(examples.joined(separator: ", "))")
    }
  }
}

/// The sections behind a policy's name, as timm writes them: `m9`, `mstd0.5`, `inc1`.
struct PolicySections {
  private let policy: String
  private var rest: [(key: String, value: String)] = []

  /// - Throws: `Failure` where one has no number.
  init(_ texts: [String], of policy: String) throws {
    self.policy = policy
    for text in texts {
      // The set of operations is named by a word.
      let key = text.hasPrefix("t") ? text.prefix(1) : text.prefix { $0.isLetter }
      let value = text.dropFirst(key.count)
      guard !key.isEmpty, !value.isEmpty else {
        throw Failure("'\(text.printable)' is not a letter or two and a number, such as m9")
      }
      guard !rest.contains(where: { $0.key == key }) else {
        throw Failure("'\(String(key).printable)' is given twice")
      }
      rest.append((String(key), String(value)))
    }
  }

  /// What the key's section says, which is then done with.
  mutating func take(_ key: String) -> String? {
    guard let index = rest.firstIndex(where: { $0.key == key }) else { return nil }
    return rest.remove(at: index).value
  }

  mutating func number(_ key: String, in range: ClosedRange<Double>) throws -> Double? {
    guard let text = take(key) else { return nil }
    guard text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let value = Double(text),
      range.contains(value)
    else {
      throw Failure(
        "'\(key)\(text.printable)': \(key) is a number from \(JSON.double(range.lowerBound).text()) to \(JSON.double(range.upperBound).text())"
      )
    }
    return value
  }

  mutating func int(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = take(key) else { return nil }
    guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(text), range.contains(value) else {
      throw Failure(
        "'\(key)\(text.printable)': \(key) is a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// - Parameter known: the keys that there are, with what they mean.
  /// - Throws: `Failure` naming a section that nobody took.
  func finish(_ known: String) throws {
    guard let unknown = rest.first else { return }
    throw Failure("\(policy) has no '\((unknown.key + unknown.value).printable)'; it has \(known)")
  }
}

/// How levels vary around a policy's magnitude.
struct LevelNoise: Sendable, Equatable {
  /// The standard deviation; infinite draws levels evenly from 0 to the magnitude.
  var deviation = 0.0
  /// The highest level.
  var limit = 10.0

  func level(_ magnitude: Double, _ random: inout CounterGenerator) -> Double {
    let level =
      deviation == .infinity
      ? random.uniform() * magnitude
      : deviation > 0 ? magnitude + deviation * random.normal() : magnitude
    return max(0, min(level, limit))
  }
}

/// Applies a policy.
package struct PolicyTransform: Transform {
  package let stream = TransformStream.policy
  let policy: any AugmentationPolicy
  let geometry: GeometrySettings

  package init(policy: any AugmentationPolicy, geometry: GeometrySettings) {
    (self.policy, self.geometry) = (policy, geometry)
  }

  package func apply(_ image: Image, _ random: inout CounterGenerator) throws -> Image {
    try policy.apply(image, geometry, &random)
  }
}
