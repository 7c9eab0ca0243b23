import VTCheckpoint
import VTCore

/// Converts a dialect's tensors to native names and layouts: a rule file read forwards.
struct Importer {
  struct Result {
    var native: StateDict
    var configuration: JSON
    /// Keys that nothing settles, and the values assumed for them.
    var assumed: [LoadNote]
    /// What was assumed where a position table leaves it open.
    var sizeNotes: [LoadNote]
    var variant: String
    var wildcards: [String: String]
    var report: LoadReport
    var plan: [PlanRow]
    /// The drloc head by native name, if the file has one.
    var drloc: [StoredTensor]
    /// What the library's files beside the weights say, if they describe these weights.
    var folder: FolderReading?
    /// Those of its keys that no tensor shows.
    var folderNotes: [LoadNote]
    /// The user's patterns that match nothing.
    var unusedPatterns: [LoadNote]
  }

  private struct Match {
    let tensor: StoredTensor
    let numbers: [String: Int]
  }

  private struct Place: Hashable {
    let rule: Int
    let source: Int
    /// In the order of the counters in the native name.
    let numbers: [Int]
  }

  let file: RuleFile
  let compiled: CompiledRules
  private var matches: [Place: Match] = [:]
  private var wildcards: [String: String] = [:]
  private var unmatched: [StoredTensor] = []
  private var drloc: [StoredTensor] = []
  /// Tensors that the dialect knows.
  private(set) var matchedCount = 0

  /// Matches the store's names against one variant.
  /// - Parameter isOwn: whether VTKit wrote the file; the drloc head then has its native names in every dialect.
  init(_ file: RuleFile, variant: String, _ store: StateDict, isOwn: Bool = false) throws {
    self.file = file
    compiled = try CompiledRules(file, variant: variant)
    let spelling = file.drloc ?? (isOwn ? "drloc.{scale}." : nil)
    let head = try spelling.map {
      try NamePattern($0 + "*", variables: [:], counts: ["scale"], wildcards: [])
    }
    let expanded = try compiled.scanAxis.flatMap { try Stacking.expanded(store, prefix: $0) }
    if expanded != nil { wildcards[Stacking.key] = "yes" }
    let unchunked = try file.chunked.flatMap { try Chunks.expanded(store, prefix: $0) }
    if let size = unchunked?.size { wildcards[Chunks.key] = String(size) }
    let hasClasses = file.keras?.classes.isEmpty == false
    for tensor in try (hasClasses ? KerasNumbering.byOwnNames(store) : expanded ?? unchunked?.store ?? store)
      .tensors
    {
      // Keras files hold the head in a group.
      let name = isOwn ? tensor.name.replacingPrefix("drloc/", with: "") : tensor.name
      if let match = head?.match(name) {
        let scale = match.numbers["scale"] ?? 0
        let prefix = (spelling ?? "").replacing("{scale}", with: String(scale))
        drloc.append(tensor.renamed("drloc.\(scale)." + name.dropFirst(prefix.count)))
        matchedCount += 1
        continue
      }
      var found: (Place, NamePattern.Match)?
      let bytes = Array(tensor.name.utf8)
      for (index, source, match) in compiled.matches(bytes) {
        let rule = compiled.rules[index]
        if let (before, _) = found {
          throw Failure(
            "lines \(compiled.rules[before.rule].rule.line) and \(rule.rule.line) both take the tensor",
            file: file.fileName, tensor: tensor.name)
        }
        let numbers = rule.native.numbers.map { match.numbers[$0] ?? 0 }
        found = (Place(rule: index, source: source, numbers: numbers), match)
      }
      guard let (place, match) = found, matches[place] == nil,
        match.wildcards.allSatisfy({ wildcards[$0.key] == nil || wildcards[$0.key] == $0.value })
      else {
        unmatched.append(tensor)
        // Known, although nothing is read from it.
        if let item = compiled.computed.first(where: { $0.source.match(bytes) != nil }) {
          matchedCount += 1
          if item.tensor.isForFolders { wildcards[ComputedTensor.key] = "yes" }
        }
        continue
      }
      wildcards.merge(match.wildcards) { before, _ in before }
      matches[place] = Match(tensor: tensor, numbers: match.numbers)
      matchedCount += 1
    }
  }

  /// Rules whose tensors are all absent.
  var unusedRules: [(line: Int, native: String)] {
    let used = Set(matches.keys.map(\.rule))
    return compiled.rules.indices.filter { !used.contains($0) }
      .map { (compiled.rules[$0].rule.line, compiled.rules[$0].rule.native) }
  }

  /// Matches whose tensor has the rank that its rule expects.
  private var fittingCount: Int {
    matches.count { place, match in
      compiled.rules[place.rule].rule.axes.bindings(source: match.tensor.shape) != nil
    }
  }

  /// The variant that takes the most tensors; among those, the one that fits the most shapes.
  static func best(_ file: RuleFile, _ store: StateDict, isOwn: Bool = false) throws -> Importer {
    var best: Importer?
    for variant in file.variants {
      let candidate = try Importer(file, variant: variant.name, store, isOwn: isOwn)
      guard let found = best, candidate.matchedCount <= found.matchedCount else {
        best = candidate
        continue
      }
      if candidate.matchedCount == found.matchedCount, candidate.fittingCount > found.fittingCount {
        best = candidate
      }
    }
    return best!
  }

  /// The same, also for Keras's other spellings of names.
  static func respelling(_ file: RuleFile, _ store: StateDict, isOwn: Bool) throws -> Importer {
    let plain = try best(file, store, isOwn: isOwn)
    guard store.kerasLayout != nil, file.keras?.layers.isEmpty == false else { return plain }
    let others = try file.variants.compactMap { variant in
      try KerasSpelling.respelled(store, CompiledRules(file, variant: variant.name)).map {
        try best(file, $0, isOwn: isOwn)
      }
    }
    return others.reduce(plain) { $1.matchedCount > $0.matchedCount ? $1 : $0 }
  }

  /// The same if every tensor that marks the dialect is present, else nil: cheap for files of other dialects.
  static func recognizing(_ file: RuleFile, _ store: StateDict, names: [[UInt8]]) throws -> Importer? {
    let isRecognized = try file.variants.contains { variant in
      try file.marks(variant.name).allSatisfy { pattern in
        names.contains { pattern.match($0) != nil }
      }
    }
    return isRecognized ? try best(file, store) : nil
  }

  // MARK: Reading forwards

  /// - Parameters:
  ///   - given: the user's own configuration keys.
  ///   - folder: what the library's JSON files beside the weights say.
  ///   - clues: what else the checkpoint says about its network.
  func run(
    given: JSON?, folder: FolderReading?, ignore: NameFilter, allowMissing: NameFilter,
    clues: NetworkClues = NetworkClues()
  ) throws -> Result {
    try leavingOut(ignore).imported(
      given: given, folder: folder, ignore: ignore, allowMissing: allowMissing, clues: clues)
  }

  /// The same; unwanted tensors of the network are among those that no rule takes.
  private func leavingOut(_ ignore: NameFilter) -> Importer {
    var result = self
    for (place, match) in matches where ignore.matches(match.tensor.name) {
      result.matches[place] = nil
      result.unmatched.append(match.tensor)
    }
    return result
  }

  private func imported(
    given: JSON?, folder: FolderReading?, ignore: NameFilter, allowMissing: NameFilter, clues: NetworkClues
  ) throws -> Result {
    var report = LoadReport()
    let ignored = compiled.ignore.filter { item in
      item.beside.map { beside in unmatched.contains { beside.match($0.name) != nil } } ?? true
    }
    for tensor in unmatched {
      if ignore.matches(tensor.name) {
        report.ignored.append((tensor.name, "asked for"))
      } else if let item = ignored.first(where: { $0.pattern.match(tensor.name) != nil }) {
        report.ignored.append((tensor.name, item.reason))
      } else if let item = compiled.computed.first(where: { $0.source.match(tensor.name) != nil }) {
        report.ignored.append((tensor.name, item.tensor.kind.reason))
      } else {
        report.unexpected.append(tensor.name)
      }
    }
    var clues = clues
    clues.names = Set(unmatched.map(\.name))
    clues.hasFixedPositions = { try positionTable.map(FixedPositions.isFixed) ?? false }
    let counts = Counts(file.counters, seen: matches.values.map(\.numbers))
    let lengths = axisLengths(&report)
    func solved(_ folder: FolderReading?) throws -> ConfigurationSolver {
      try ConfigurationSolver(
        file, given: given, folder: folder, axisLengths: lengths, counts: counts,
        presence: file.presenceValues { native in
          matches.keys.contains { compiled.rules[$0.rule].rule.native == native }
        }, clues: clues)
    }
    var folder = folder
    var solver = try solved(folder)
    if let reading = folder {
      let contradictions =
        solver.contradictions(reading) + reading.countContradictions(solver.lookUp("num_classes"))
      if let first = contradictions.first, reading.documents.isNamed {
        throw Failure(
          "the file says \(first)", file: reading.documents.path(reading.file), hint: FolderReading.hint)
      }
      // A JSON file beside a file that was named may describe another network, and is then ignored.
      if !contradictions.isEmpty {
        folder = nil
        solver = try solved(nil)
      }
    }
    var native: [StoredTensor] = []
    var plan: [PlanRow] = []
    var wanted: [String] = []
    for (index, numbers) in compiled.expanded(counts) {
      let rule = compiled.rules[index]
      let place = rule.native.numbers.map { numbers[$0] ?? 0 }
      let places = rule.sources.indices.map { Place(rule: index, source: $0, numbers: place) }
      if let when = rule.rule.when, !when.isTrue({ solver.lookUp($0, numbers) }) {
        report.unexpected += places.compactMap { matches[$0]?.tensor.name }
        continue
      }
      let name = rule.native.name(numbers: numbers, wildcards: [:])
      wanted += rule.sources.map { $0.name(numbers: numbers, wildcards: wildcards) } + [name]
      let sources = places.compactMap { matches[$0]?.tensor }
      if sources.count < places.count {
        if rule.rule.isOptional && sources.isEmpty { continue }
        for (place, pattern) in zip(places, rule.sources) where matches[place] == nil {
          let sourceName = pattern.name(numbers: numbers, wildcards: wildcards)
          if allowMissing.matches(sourceName) || allowMissing.matches(name) { continue }
          report.missing.append(sourceName)
          report.lines[sourceName] = rule.rule.line
        }
        continue
      }
      let lengths = solver.lengths(rule.rule.axes, numbers, shape: sources[0].shape)
      guard check(sources, rule.rule.axes, lengths, &report) else {
        for source in sources { report.lines[source.name] = rule.rule.line }
        continue
      }
      let tensor = try Layout.toNative(
        name: name, sources: sources, axes: rule.rule.axes, lengths: lengths)
      native.append(tensor)
      plan.append(
        PlanRow(
          sources: sources.map(\.name), targets: [name], type: tensor.type, sourceShape: sources[0].shape,
          shape: tensor.shape, step: Layout.describe(rule.rule.axes, parts: sources.count)))
    }
    return Result(
      native: try StateDict(native), configuration: report.isComplete ? try solver.configuration() : .null,
      assumed: solver.assumed + (folder == nil ? [solver.unsaid].compactMap(\.self) : []),
      sizeNotes: solver.sizeNotes, variant: compiled.variant, wildcards: wildcards,
      report: report,
      plan: plan, drloc: drloc, folder: folder,
      folderNotes: folder?.notes(solver.isOpen) ?? [],
      unusedPatterns: UnusedPatterns.notes(
        ignore: ignore, allowMissing: allowMissing,
        names: unmatched.map(\.name) + matches.values.map(\.tensor.name),
        wanted: wanted))
  }

  /// The tensor that becomes the position table.
  private var positionTable: StoredTensor? {
    matches.first { compiled.rules[$0.key.rule].rule.native == "pos_embed" }?.value.tensor
  }

  /// Each axis's length by majority, so that the error names one misshapen tensor rather than all others.
  private func axisLengths(_ report: inout LoadReport) -> [String: Int] {
    var votes: [String: [Int: Int]] = [:]
    for (place, match) in matches {
      let axes = compiled.rules[place.rule].rule.axes
      for (name, length) in axes.bindings(source: match.tensor.shape) ?? [] {
        let at = file.counter(ofAxis: name).flatMap { match.numbers[$0] }
        votes[at.map { "\(name)[\($0)]" } ?? name, default: [:]][length, default: 0] += 1
      }
    }
    return votes.mapValues { lengths in
      lengths.max { ($0.value, $1.key) < ($1.value, $0.key) }!.key
    }
  }

  private func check(
    _ sources: [StoredTensor], _ axes: AxisPattern, _ lengths: [String: Int],
    _ report: inout LoadReport
  ) -> Bool {
    var fits = true
    for tensor in sources {
      guard let expected = axes.shape(\.source, lengths) else {
        report.shapeMismatches.append(
          LoadReport.ShapeMismatch(name: tensor.name, found: tensor.shape, expected: axes.text))
        fits = false
        continue
      }
      if expected != tensor.shape {
        report.shapeMismatches.append(
          LoadReport.ShapeMismatch(name: tensor.name, found: tensor.shape, expected: "\(expected)"))
        fits = false
      }
    }
    return fits
  }
}
