import Testing

/// Fails where two lists of numbers differ anywhere by more than `absolute + relative * max(|a|, |b|)`;
/// NaN always differs. Names the worst place.
package func expectClose<Number: BinaryFloatingPoint>(
  _ actual: [Number], _ expected: [Number], relative: Double = 0, absolute: Double = 0,
  _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  if let text = difference(actual, expected, relative: relative, absolute: absolute, what) {
    Issue.record("\(text)", sourceLocation: sourceLocation)
  }
}

/// What `expectClose` says of two lists; nil where they are close.
package func difference<Number: BinaryFloatingPoint>(
  _ actual: [Number], _ expected: [Number], relative: Double = 0, absolute: Double = 0,
  _ what: String = ""
) -> String? {
  guard actual.count == expected.count else {
    return "\(what): \(actual.count) numbers, expected \(expected.count)"
  }
  var worst: (index: Int, excess: Double)?
  for (i, (a, b)) in zip(actual, expected).enumerated() {
    let difference = abs(Double(a) - Double(b))
    let allowed = absolute + relative * max(abs(Double(a)), abs(Double(b)))
    if !(difference <= allowed) {
      let excess = difference.isNaN ? .infinity : difference - allowed
      if worst == nil || excess > worst!.excess { worst = (i, excess) }
    }
  }
  return worst.map {
    "\(what): element \($0.index) is \(actual[$0.index]), expected \(expected[$0.index])"
  }
}

/// The same against the largest expected number, the usual measure for a network's outputs.
package func expectCloseToLargest(
  _ actual: [Float], _ expected: [Float], _ tolerance: Double, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let largest = expected.reduce(0) { max($0, abs(Double($1))) }
  #expect(largest > 0, "\(what): nothing to compare with", sourceLocation: sourceLocation)
  expectClose(
    actual, expected, absolute: tolerance * largest, what, sourceLocation: sourceLocation)
}
