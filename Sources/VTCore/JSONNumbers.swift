extension JSON {
  /// Equality in which 4 and 4.0 are the same number.
  package func isSame(as other: JSON) -> Bool {
    if self == other { return true }
    if let a = double, let b = other.double { return a == b }
    guard let a = array, let b = other.array, a.count == b.count else { return false }
    return zip(a, b).allSatisfy { $0.isSame(as: $1) }
  }
}
