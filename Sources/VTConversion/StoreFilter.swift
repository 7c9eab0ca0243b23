import VTCheckpoint

extension StateDict {
  /// The tensors whose names match a pattern in which `*` matches anything.
  package func matching(_ pattern: String) throws -> [StoredTensor] {
    let filter = try NameFilter([pattern])
    return tensors.filter { filter.matches($0.name) }
  }

  /// Drops the tensors whose names match any of the patterns.
  package mutating func leaveOut(_ patterns: [String]) throws {
    let unwanted = try NameFilter(patterns)
    filter { !unwanted.matches($0.name) }
  }
}
