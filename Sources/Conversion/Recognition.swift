import Checkpoint

/// Finds out whose names a checkpoint's tensors have.
enum Recognition {
  /// The converter for a store: as told, or the one whose marks are all there and that takes the most; and what
  /// training scripts put in front of the names.
  /// - Parameter format: of the file; dialects of libraries that write it are tried before the others.
  static func importer(
    _ store: ParameterStore, _ metadata: NativeMetadata?, _ options: LoadOptions, format: FileFormat?
  ) throws -> (importer: Importer, wrapper: Wrapper.Candidate) {
    let candidates = try Wrapper.candidates(store, key: options.key)
    if let dialect = options.dialect ?? metadata?.dialect {
      let architecture = options.architecture ?? metadata?.configuration["architecture"]?.string
      let files = try Dialects.reading(dialect, architecture: architecture)
      let importers = try candidates.flatMap { candidate in
        try files.map { (candidate, try Importer.best($0, candidate.store, isOwn: metadata != nil)) }
      }
      let best = importers.max { $0.1.matchedCount < $1.1.matchedCount }!
      return (best.1, best.0)
    }
    func files(_ format: FileFormat?, _ store: ParameterStore? = nil) throws -> [RuleFile] {
      try Dialects.all(format: format, markedIn: store?.names).filter {
        options.architecture == nil || $0.architecture == options.architecture
      }
    }
    if let architecture = options.architecture, !Dialects.architectures.contains(architecture) {
      throw Failure(
        .usage, "there is no converter for the architecture '\(options.architecture ?? "")'",
        remedy: "see 'vtkit dialects'")
    }
    for candidate in candidates {
      if let format, let found = try recognized(files(format, candidate.store), candidate.store) {
        return (found, candidate)
      }
      if let found = try recognized(files(nil, candidate.store), candidate.store) {
        return (found, candidate)
      }
    }
    throw try unknown(files(nil), store)
  }

  private static func recognized(_ files: [RuleFile], _ store: ParameterStore) throws -> Importer? {
    let names = store.names.map { Array($0.utf8) }
    var candidates = try files.compactMap { try Importer.recognizing($0, store, names: names) }
      .sorted { $0.matchedCount > $1.matchedCount }
    // Of a dialect and another that only repeats its names, the first it is.
    let most = candidates.first?.matchedCount
    let best = candidates.filter { $0.matchedCount == most }
    if best.count > 1 {
      candidates.removeAll { candidate in
        candidate.matchedCount == most && best.contains { $0.file.dialect == candidate.file.base }
      }
    }
    if candidates.count > 1, candidates[1].matchedCount == candidates[0].matchedCount {
      throw Failure(
        "the file could be of the dialects \(candidates.map(\.file.dialect).joined(separator: ", "))",
        remedy: "name one with --from")
    }
    return candidates.first
  }

  private static func unknown(_ files: [RuleFile], _ store: ParameterStore) throws -> Failure {
    let closest = try files.map { try Importer.best($0, store) }
      .max { $0.matchedCount < $1.matchedCount }
    let hint = closest.flatMap { $0.matchedCount > 0 ? $0 : nil }.map {
      " (closest: '\($0.file.dialect)' for \($0.file.architecture), which knows \($0.matchedCount) of \(store.count) tensors)"
    }
    return Failure(
      "no known dialect of vision transformer weights" + (hint ?? ""),
      remedy:
        "name one with --from (see 'vtkit dialects'), or move the tensors as they are with 'vtkit convert --raw'"
    )
  }
}
