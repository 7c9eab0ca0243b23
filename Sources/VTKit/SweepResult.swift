import Foundation
import VTCheckpoint
import VTCore
import VTTraining

/// What the runs of a sweep came to.
package struct SweepResult {
  /// One run's accuracies, 0 to 1; nil where the data has no such images.
  package struct Outcome: Sendable, Equatable {
    package let validation: Double?
    package let test: Double?
  }

  package let settings: [String]
  package let seeds: [UInt64]
  /// By setting, then by seed.
  package private(set) var outcomes: [String: [UInt64: Outcome]] = [:]

  package init(_ sweep: Sweep) { (settings, seeds) = (sweep.settings.map(\.name), sweep.seeds) }

  package mutating func add(_ outcome: Outcome, _ setting: String, _ seed: UInt64) {
    outcomes[setting, default: [:]][seed] = outcome
  }

  /// Numbers with their mean and the deviation of a sample (n - 1).
  package struct Summary: Sendable, Equatable {
    package let values: [Double]
    package var mean: Double { values.reduce(0, +) / Double(values.count) }
    /// nil for one number.
    package var deviation: Double? {
      guard values.count > 1 else { return nil }
      let mean = mean
      return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }
  }

  /// Of all seeds that were trained; nil where there is none.
  package func summary(_ setting: String, _ measure: KeyPath<Outcome, Double?>) -> Summary? {
    Self.summary(numbers(setting, measure))
  }

  /// What a setting brings over the first, seed by seed.
  package func gain(_ setting: String, _ measure: KeyPath<Outcome, Double?>) -> Summary? {
    Self.summary(gains(setting, measure))
  }

  private static func summary(_ numbers: [(seed: UInt64, value: Double)]) -> Summary? {
    numbers.isEmpty ? nil : Summary(values: numbers.map(\.value))
  }

  /// What each trained seed came to.
  func numbers(_ setting: String, _ measure: KeyPath<Outcome, Double?>) -> [(seed: UInt64, value: Double)] {
    seeds.compactMap { seed in outcomes[setting]?[seed]?[keyPath: measure].map { (seed, $0) } }
  }

  /// The differences from the first setting, of the seeds that both have.
  func gains(_ setting: String, _ measure: KeyPath<Outcome, Double?>) -> [(seed: UInt64, value: Double)] {
    guard let first = settings.first, setting != first else { return [] }
    let base = Dictionary(uniqueKeysWithValues: numbers(first, measure).map { ($0.seed, $0.value) })
    return numbers(setting, measure).compactMap { number in
      base[number.seed].map { (number.seed, number.value - $0) }
    }
  }

  // MARK: File

  package var json: JSON {
    .object(
      settings.map { setting in
        JSON.Member(
          key: setting,
          value: .object(
            seeds.compactMap { seed in
              outcomes[setting]?[seed].map { outcome in
                JSON.Member(
                  key: "\(seed)",
                  value: .object([
                    "val_accuracy": outcome.validation.map(JSON.double) ?? .null,
                    "test_accuracy": outcome.test.map(JSON.double) ?? .null,
                  ]))
              }
            }))
      })
  }

  /// Writes `sweep.json` into the sweep's folder.
  package func write(to folder: String) throws {
    let file = try OutputFile(folder + "/sweep.json", overwrite: true)
    try file.write(json.text(pretty: true) + "\n")
    try file.commit()
  }

  /// What `sweep.json` says of runs that are finished; those of other settings or seeds are left.
  package mutating func read(from folder: String) throws {
    guard let bytes = FileManager.default.contents(atPath: folder + "/sweep.json") else { return }
    let json: JSON
    do { json = try JSON(parsing: bytes) } catch let failure as Failure {
      throw failure.located(file: folder + "/sweep.json")
    }
    for setting in settings {
      for seed in seeds {
        guard let found = json[setting]?["\(seed)"], found.members != nil else { continue }
        add(
          Outcome(validation: found["val_accuracy"]?.double, test: found["test_accuracy"]?.double), setting,
          seed)
      }
    }
  }
}
