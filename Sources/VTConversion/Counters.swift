import VTCheckpoint
import VTCore

/// A placeholder that counts (`{block}`), and the configuration key that limits it.
struct Counter: Sendable {
  enum Limit: Sendable, Equatable {
    /// A number: `depth`.
    case value(String)
    /// A list's length: `count(depths)`.
    case listCount(String)
    /// A list's element, by another counter: `depths[stage]`.
    case element(String, of: String)
  }

  let name: String
  let limit: Limit

  /// - Throws: `Failure` if `text` has none of the three forms.
  init(_ name: String, _ text: String) throws {
    self.name = name
    let expression = try Expression(text)
    if let key = expression.singleName {
      limit = .value(key)
    } else if let (list, counter) = expression.singleElement {
      limit = .element(list, of: counter)
    } else if text.hasPrefix("count("), expression.names.count == 1, let key = expression.names.first {
      limit = .listCount(key)
    } else {
      throw Failure("'\(text)' is not a valid counter limit: key, count(list) or list[counter]")
    }
  }

  /// The counter within which this one restarts.
  var parent: String? { if case .element(_, let parent) = limit { parent } else { nil } }
}

/// The limit of each counter of a network.
struct Counts: Sendable {
  let counters: [Counter]
  /// One number, or one for each value of the parent.
  private var limits: [String: [Int]] = [:]

  /// From a configuration.
  init(_ counters: [Counter], _ configuration: (String) -> JSON?) {
    self.counters = counters
    for counter in counters {
      switch counter.limit {
      case .value(let key): limits[counter.name] = [configuration(key)?.int ?? 0]
      case .listCount(let key): limits[counter.name] = [configuration(key)?.array?.count ?? 0]
      case .element(let key, _):
        limits[counter.name] = configuration(key)?.array?.map { $0.int ?? 0 } ?? []
      }
    }
  }

  /// From the numbers in names: the largest plus one.
  init(_ counters: [Counter], seen: [[String: Int]]) {
    self.counters = counters
    for counter in counters where counter.parent == nil {
      limits[counter.name] = [seen.reduce(0) { max($0, ($1[counter.name] ?? -1) + 1) }]
    }
    for counter in counters {
      guard let parent = counter.parent else { continue }
      var own = [Int](repeating: 0, count: limits[parent]?.first ?? 0)
      for numbers in seen {
        guard let outer = numbers[parent], let number = numbers[counter.name] else { continue }
        own[outer] = max(own[outer], number + 1)
      }
      limits[counter.name] = own
    }
  }

  /// A counter's limit, given its parent's value, if it has a parent, in `numbers`.
  func limit(_ name: String, _ numbers: [String: Int]) -> Int {
    guard let own = limits[name], let counter = counters.first(where: { $0.name == name }) else { return 0 }
    guard let parent = counter.parent else { return own.first ?? 0 }
    guard let at = numbers[parent], own.indices.contains(at) else { return 0 }
    return own[at]
  }

  /// The keys that the counters settle.
  var settled: [(key: String, value: JSON)] {
    counters.compactMap { counter in
      switch counter.limit {
      case .value(let key): (key, .int(limits[counter.name]?.first ?? 0))
      case .listCount: nil
      // An empty list: another key tells whether there is one.
      case .element(let key, _): limits[counter.name].flatMap { $0.isEmpty ? nil : (key, .list($0)) }
      }
    }
  }
}
