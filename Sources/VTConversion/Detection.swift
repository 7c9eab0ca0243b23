import VTCheckpoint
import VTCore

/// Detects a checkpoint's dialect from its tensors' names.
enum Detection {
  /// Far more tensors than a network of 100 blocks has together with its optimizer state and averages.
  private static let most = 50_000

  typealias Found = (importer: Importer, keyPrefix: KeyPrefix.Candidate)

  /// The converter for a store: the one given, or the one whose marks are all present and that takes the most
  /// tensors; and the prefix that training scripts put before the names.
  /// - Parameter format: of the file; dialects of libraries that write it are tried first.
  /// - Throws: `Failure` also if no dialect is recognized; it names the closest one.
  static func importer(
    _ store: StateDict, _ metadata: NativeMetadata?, _ options: LoadOptions, format: FileFormat?
  ) throws -> Found {
    if let found = try found(store, metadata, options, format: format) { return found }
    let candidates = try KeyPrefix.candidates(store, key: options.key)
    // Also under a layer or attribute name that the user chose.
    let inner = candidates.first.map { KeyPrefix.prefixes($0.store) } ?? []
    let stores = (candidates + inner.filter { 2 * $0.store.count > store.count }).map(\.store)
    if let other = try OtherNetworks.failure(stores) { throw other }
    throw try unknown(Dialects.all(architecture: options.architecture), store)
  }

  /// The same; nil if no dialect is recognized.
  static func found(
    _ store: StateDict, _ metadata: NativeMetadata?, _ options: LoadOptions, format: FileFormat?
  ) throws -> Found? {
    guard store.count <= most else {
      throw Failure(
        "\(store.count) tensors are more than any network and its training state have"
      )
    }
    let candidates = try KeyPrefix.candidates(store, key: options.key)
    let fits = KeyPrefixFit.Search(metadata: metadata, options: options, format: format)
    if let dialect = options.dialect ?? metadata?.dialect {
      let architecture = options.architecture ?? metadata?.configuration["architecture"]?.string
      let files = try Dialects.reading(dialect, architecture: architecture)
      let importers = try candidates.flatMap { candidate in
        try files.map { (candidate, try Importer.respelling($0, candidate.store, isOwn: metadata != nil)) }
      }
      let best = importers.max { $0.1.matchedCount < $1.1.matchedCount }!
      if best.1.matchedCount == 0, let found = try fits.only(in: candidates, of: files) { return found }
      return (best.1, best.0)
    }
    func files(_ format: FileFormat?, _ store: StateDict? = nil) throws -> [RuleFile] {
      try Dialects.all(architecture: options.architecture, format: format, markedIn: store?.names)
    }
    if let architecture = options.architecture, !Dialects.architectures.contains(architecture) {
      throw Failure(
        .usage, "there is no converter for the architecture '\(options.architecture ?? "")'",
        hint: "known are " + Dialects.architectures.sorted().joined(separator: ", "))
    }
    func recognized(_ store: StateDict) throws -> Importer? {
      if let format, let found = try self.recognized(files(format, store), store) { return found }
      if let found = try self.recognized(files(nil, store), store) { return found }
      return store.kerasLayout == nil ? nil : try respelled(files(.hdf5), store)
    }
    for candidate in candidates {
      if let found = try recognized(candidate.store) { return (found, candidate) }
    }
    if let found = try fits.only(in: candidates, recognized: recognized) { return found }
    return nil
  }

  /// The same for Keras's other spellings of names: a rule file's marks are sought among names as it spells
  /// them.
  private static func respelled(_ files: [RuleFile], _ store: StateDict) throws -> Importer? {
    let found = try files.filter { $0.keras?.layers.isEmpty == false }.compactMap { file -> Importer? in
      for variant in file.variants {
        let rules = try CompiledRules(file, variant: variant.name)
        guard let respelled = KerasSpelling.respelled(store, rules) else { continue }
        let names = respelled.names.map { Array($0.utf8) }
        if let importer = try Importer.recognizing(file, respelled, names: names) { return importer }
      }
      return nil
    }
    return found.max { $0.matchedCount < $1.matchedCount }
  }

  private static func recognized(_ files: [RuleFile], _ store: StateDict) throws -> Importer? {
    let names = store.names.map { Array($0.utf8) }
    var candidates = try files.compactMap { try Importer.recognizing($0, store, names: names) }
      .sorted { $0.matchedCount > $1.matchedCount }
    // If one dialect only repeats another's names, the other is meant.
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
        hint: "name one with --from")
    }
    return candidates.first
  }

  /// A dialect that repeats a file's names, if the JSON file beside the weights is of its library (timm's
  /// ResNets have torchvision's names).
  static func twin(of file: RuleFile, describedIn documents: FolderDocuments) throws -> RuleFile? {
    guard file.folder == nil else { return nil }
    return try Dialects.all(extending: file.dialect).first { other in
      guard other.architecture == file.architecture, let folder = other.folder,
        let document = try? documents.document(folder.layout.configurationFile)
      else { return false }
      return try folder.relation(to: document, isNamed: false, dialect: other.dialect) == .said
    }
  }

  private static func unknown(_ files: [RuleFile], _ store: StateDict) throws -> Failure {
    let closest = try files.map { try Importer.best($0, store) }
      .max { $0.matchedCount < $1.matchedCount }
    let hint = closest.flatMap { $0.matchedCount > 0 ? $0 : nil }.map {
      " (closest: '\($0.file.dialect)' for \($0.file.architecture), which has \($0.matchedCount) of \(store.count) tensors)"
    }
    let options = try closest.map { try Dialects.options(for: $0.file) }
    return Failure(
      "no known dialect of ViT, Swin, CvT, T2T-ViT or ResNet weights" + (hint ?? ""),
      hint: closest.map { $0.matchedCount > 0 } == true
        ? "\(options ?? "") lists what is missing and what is unexpected"
        : "'vtkit dialects' lists the supported dialects; others need a rule file (docs/guide/adding-a-dialect.md)"
    )
  }
}
