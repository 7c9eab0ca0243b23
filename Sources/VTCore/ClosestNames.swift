extension String {
  /// The names of `candidates` that look most like this one, best first; none where all differ much.
  package func closest(in candidates: [String], limit: Int = 3) -> [String] {
    let scored = candidates.map { ($0, editDistance(to: $0)) }
      .filter { $0.1 <= max(2, count / 3) }
      .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    return scored.prefix(limit).map(\.0)
  }

  /// Insertions, deletions and replacements that lead from one to the other (Levenshtein).
  func editDistance(to other: String) -> Int {
    let a = Array(utf8)
    let b = Array(other.utf8)
    if a.isEmpty || b.isEmpty { return Swift.max(a.count, b.count) }
    var row = Array(0...b.count)
    for i in 1...a.count {
      var diagonal = row[0]
      row[0] = i
      for j in 1...b.count {
        let above = row[j]
        row[j] = Swift.min(
          above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}
