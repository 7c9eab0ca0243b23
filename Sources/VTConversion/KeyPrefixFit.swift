import VTCheckpoint
import VTCore

/// A network under a prefix that is known by no name, found by what fits: users name their attributes and layers
/// themselves (`vit.`, `resnet50/`).
struct KeyPrefixFit {
  private let keyPrefix: KeyPrefix.Candidate
  private let importer: Importer
  /// Whether the dialect takes every tensor under the prefix and lacks none.
  private let isComplete: Bool

  /// What the user may do with it: take it, or see why it cannot be taken.
  private var proposal: String {
    get throws {
      let (key, file) = (keyPrefix.key.printable, importer.file)
      let share = "\(importer.matchedCount) of \(keyPrefix.store.count.counted("tensor"))"
      return isComplete
        ? "with --key \(key), \(share) are a \(file.architecture) in the dialect \(file.dialect)"
        : "under '\(key)', \(share) have names of a \(file.architecture) in the dialect \(file.dialect), but they are no whole network (--key \(key) \(try Dialects.options(for: file)) tells why)"
    }
  }

  struct Search {
    let metadata: NativeMetadata?
    let options: LoadOptions
    let format: FileFormat?

    /// The only prefix under which a dialect fits completely.
    /// - Parameter recognized: the converter whose marks a store has.
    /// - Returns: nil where nothing fits at all.
    /// - Throws: `Failure` proposing `--key` where several fit, or one nearly does.
    func only(in candidates: [KeyPrefix.Candidate], recognized: (StateDict) throws -> Importer?) throws
      -> (Importer, KeyPrefix.Candidate)?
    {
      // The first candidate is the whole: every prefix of the others is one of its own too, but for a given key's.
      guard let whole = candidates.first else { return nil }
      var fits: [KeyPrefixFit] = []
      for candidate in KeyPrefix.prefixes(whole.store) {
        // Within a network that fits there are parts of it, which say nothing new.
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

    /// The same for the rule files of a dialect that was named.
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
        // The tensors may fit although a key of the configuration must still be asked for.
        return importer.matchedCount == count
      }
    }

    private func choice(_ fits: [KeyPrefixFit]) throws -> (Importer, KeyPrefix.Candidate)? {
      let complete = fits.filter(\.isComplete)
      if let only = complete.first, complete.count == 1 { return (only.importer, only.keyPrefix) }
      // Several copies of one network: known keys say which is meant, averaged weights first.
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
      // What only resembles a network of ours under its prefix is no advice.
      if complete.isEmpty, let other = try OtherNetworks.failure(proposed.map(\.keyPrefix.store)) {
        throw other
      }
      let lines = try proposed.sorted { $0.importer.matchedCount > $1.importer.matchedCount }.prefix(4).map {
        try $0.proposal
      }
      throw Failure(
        "no known dialect of vision transformer weights as the names stand",
        hint: lines.joined(separator: "; "))
    }
  }
}
