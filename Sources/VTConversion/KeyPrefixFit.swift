import VTCheckpoint
import VTCore

/// Finds a network under an unknown prefix by trying which dialect fits: users choose the names of attributes
/// and layers themselves (`vit.`, `resnet50/`).
struct KeyPrefixFit {
  private let keyPrefix: KeyPrefix.Candidate
  private let importer: Importer
  /// Whether the dialect takes every tensor under the prefix and lacks none.
  private let isComplete: Bool

  /// What the user can do with it: take it, or see why it does not load.
  private var proposal: String {
    get throws {
      let (key, file) = (keyPrefix.key.printable, importer.file)
      let share = "\(importer.matchedCount) of \(keyPrefix.store.count.counted("tensor"))"
      return isComplete
        ? "with --key \(key), \(share) are a \(file.architecture) in the dialect \(file.dialect)"
        : "under '\(key)', \(share) have names of a \(file.architecture) in the dialect \(file.dialect), but the network is incomplete (--key \(key) \(try Dialects.options(for: file)) shows why)"
    }
  }

  struct Search {
    let metadata: NativeMetadata?
    let options: LoadOptions
    let format: FileFormat?

    /// The only prefix under which a dialect fits completely.
    /// - Parameter recognized: the converter whose marks a store has.
    /// - Returns: nil if nothing fits at all.
    /// - Throws: `Failure` proposing `--key` if several fit, or one nearly does.
    func only(in candidates: [KeyPrefix.Candidate], recognized: (StateDict) throws -> Importer?) throws
      -> (Importer, KeyPrefix.Candidate)?
    {
      // The first candidate is the complete store, or what is under a given key: its prefixes include those of
      // the others.
      guard let whole = candidates.first else { return nil }
      var fits: [KeyPrefixFit] = []
      for candidate in KeyPrefix.prefixes(whole.store) {
        // Parts of a network that fits are no news.
        if fits.contains(where: { $0.isComplete && candidate.prefix.hasPrefix($0.keyPrefix.prefix) }) {
          continue
        }
        guard let importer = try? recognized(candidate.store) else { continue }
        let inner = KeyPrefix.Candidate(
          store: candidate.store, prefix: whole.prefix + candidate.prefix,
          beside: whole.beside + candidate.beside.map { whole.prefix + $0 })
        fits.append(
          KeyPrefixFit(
            keyPrefix: inner, importer: importer, isComplete: isComplete(importer, of: candidate.store.count))
        )
      }
      return try choice(fits)
    }

    /// The same for the rule files of a named dialect.
    func only(in candidates: [KeyPrefix.Candidate], of files: [RuleFile]) throws -> (
      Importer, KeyPrefix.Candidate
    )? {
      try only(in: candidates) { store in
        let best = try files.map { try Importer.respelling($0, store, isOwn: metadata != nil) }
          .max { $0.matchedCount < $1.matchedCount }
        return best.flatMap { 2 * $0.matchedCount > store.count ? $0 : nil }
      }
    }

    private func isComplete(_ importer: Importer, of count: Int) -> Bool {
      guard let ignore = try? NameFilter(options.ignore), let missing = try? NameFilter(options.allowMissing)
      else { return false }
      do {
        let result = try importer.run(
          given: options.configuration ?? metadata?.configuration, folder: nil, ignore: ignore,
          allowMissing: missing)
        return result.report.isComplete
      } catch {
        // The tensors may fit although a configuration key is missing.
        return importer.matchedCount == count
      }
    }

    private func choice(_ fits: [KeyPrefixFit]) throws -> (Importer, KeyPrefix.Candidate)? {
      let complete = fits.filter(\.isComplete)
      if let only = complete.first, complete.count == 1 { return (only.importer, only.keyPrefix) }
      // Several copies of one network: known keys decide, averaged weights first.
      let ranks = complete.map { KeyPrefix.rank($0.keyPrefix.prefix) }
      if let first = ranks.first,
        ranks.allSatisfy({ $0.rest == first.rest && $0.places.count == first.places.count }),
        let best = zip(complete, ranks).min(by: { $0.1.places.lexicographicallyPrecedes($1.1.places) })?.0
      {
        return (best.importer, best.keyPrefix)
      }
      let proposed = (complete.isEmpty ? fits : complete).filter {
        2 * $0.importer.matchedCount > $0.keyPrefix.store.count
      }
      guard !proposed.isEmpty else { return nil }
      // An unsupported network that resembles one of VTKit's: say so rather than propose a key.
      if complete.isEmpty, let other = try OtherNetworks.failure(proposed.map(\.keyPrefix.store)) {
        throw other
      }
      let lines = try proposed.sorted { $0.importer.matchedCount > $1.importer.matchedCount }.prefix(4).map {
        try $0.proposal
      }
      throw Failure(
        "no known dialect of vision transformer weights has these names",
        hint: lines.joined(separator: "; "))
    }
  }
}
