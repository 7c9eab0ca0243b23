/// Numbers by name, in the order in which they came.
package struct Metrics: Sendable, Equatable {
  package struct Metric: Sendable, Equatable {
    package let name: String
    package var value: Double
  }

  package private(set) var all: [Metric] = []

  package init() {}

  package var names: [String] { all.map(\.name) }

  /// nil if there is no such number.
  package subscript(name: String) -> Double? {
    get { all.first { $0.name == name }?.value }
    set {
      let index = all.firstIndex { $0.name == name }
      if let newValue, let index {
        all[index].value = newValue
      } else if let newValue {
        all.append(Metric(name: name, value: newValue))
      } else if let index {
        all.remove(at: index)
      }
    }
  }

  /// Adds each of the others, times a factor.
  mutating func add(_ others: Metrics, times factor: Double) {
    for other in others.all { self[other.name] = (self[other.name] ?? 0) + other.value * factor }
  }

  func divided(by count: Int) -> Metrics {
    var result = self
    for index in all.indices { result.all[index].value = count == 0 ? 0 : all[index].value / Double(count) }
    return result
  }
}
