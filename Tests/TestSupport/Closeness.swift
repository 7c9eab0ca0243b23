import Testing

/// Fails where two lists of numbers differ anywhere by more than `absolute + relative * max(|a|, |b|)`;
/// NaN always differs. Names the worst place.
public func expectClose<Number: BinaryFloatingPoint>(
  _ actual: [Number], _ expected: [Number], relative: Double = 0, absolute: Double = 0,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, "\(what): lengths", sourceLocation: sourceLocation)
  guard actual.count == expected.count else { return }
  var worst: (index: Int, excess: Double)?
  for (i, (a, b)) in zip(actual, expected).enumerated() {
    let difference = abs(Double(a) - Double(b))
    let allowed = absolute + relative * max(abs(Double(a)), abs(Double(b)))
    if !(difference <= allowed) {
      let excess = difference.isNaN ? .infinity : difference - allowed
      if worst == nil || excess > worst!.excess { worst = (i, excess) }
    }
  }
  if let worst {
    Issue.record(
      "\(what): element \(worst.index) is \(actual[worst.index]), expected \(expected[worst.index])",
      sourceLocation: sourceLocation)
  }
}

/// The same against the largest expected number, the usual measure for a network's outputs.
public func expectCloseToLargest(
  _ actual: [Float], _ expected: [Float], _ tolerance: Double, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let largest = expected.reduce(0) { max($0, abs(Double($1))) }
  #expect(largest > 0, "\(what): nothing to compare with", sourceLocation: sourceLocation)
  expectClose(
    actual, expected, absolute: tolerance * largest, what, sourceLocation: sourceLocation)
}
