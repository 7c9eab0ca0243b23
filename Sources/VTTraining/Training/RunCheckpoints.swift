import Foundation
import VTCheckpoint
import VTCore

/// The checkpoints from which a run resumes: `last`, or if that is damaged or missing, the newest intact one of
/// `previous` and `best`. All three hold the complete state.
struct RunCheckpoints {
  /// An intact checkpoint.
  struct Whole {
    let path: String
    let store: StateDict
    var state: TrainingState

    var name: String { "checkpoints/" + (path as NSString).lastPathComponent }
    /// Whether it is of the end of that epoch.
    func isEnd(of epoch: Int) -> Bool { state.epoch == epoch + 1 && state.batch == 0 }
    /// Whether it is what `best` was made from, at the end of its epoch.
    func isBest(_ epoch: Int) -> Bool { state.bestEpoch == epoch && isEnd(of: epoch) }
  }

  /// Where the run goes on.
  private(set) var chosen: Whole
  /// Whether `last` is intact, so that it may become `previous`.
  let lastIsWhole: Bool
  /// What `best` is to be restored from.
  private(set) var bestSource: Whole?
  /// What kept checkpoints are to be restored from.
  private(set) var keptSources: [(kept: KeptCheckpoint, source: Whole)] = []
  /// What to tell whoever resumes.
  private(set) var remarks: [String] = []

  /// - Parameters:
  ///   - batches: of an epoch.
  /// - Throws: `Failure` if no checkpoint is intact, if one's state is invalid, or if the best weights are
  ///   lost and no epoch is left that could give new ones.
  init(_ folder: RunFolder, _ configuration: RunConfiguration, batches: Int) throws {
    func find(_ path: String) throws -> Found { try Found(path, configuration, batches: batches) }
    let (last, best) = (try find(folder.lastPath), try find(folder.bestPath))
    lastIsWhole = last.whole != nil
    // Only where it is needed: it is as large as the others.
    let previous = try last.whole == nil || best.whole == nil ? find(folder.previousPath) : .missing
    let found = [last, previous, best]
    let newest = found.compactMap(\.whole).max {
      ($0.state.epoch, $0.state.batch) < ($1.state.epoch, $1.state.batch)
    }
    guard let newest else { throw Self.nothing(folder, found) }
    chosen = newest
    if let problem = last.problem {
      remarks.append(
        "checkpoints/last.safetensors is \(problem): going on from \(newest.name), at epoch \(newest.state.epoch + 1), update \(newest.state.updates)"
      )
    }
    let whole = found.compactMap(\.whole)
    var sources = whole
    if let epoch = chosen.state.bestEpoch, best.whole?.isBest(epoch) != true,
      let kept = chosen.state.kept.first(where: { $0.epoch == epoch })
    {
      sources += [try find(folder.path(of: kept)).whole].compactMap(\.self)
    }
    try settleBest(folder, configuration, best, sources)
    settleKept(folder, whole)
  }

  /// Sees to it that the checkpoints that are kept are there, or says that they are not.
  private mutating func settleKept(_ folder: RunFolder, _ whole: [Whole]) {
    for kept in chosen.state.kept where !folder.has(kept) {
      if let source = whole.first(where: { $0.isEnd(of: kept.epoch) }) {
        keptSources.append((kept, source))
        remarks.append(
          "checkpoints/\(kept.name) is missing: made anew from \(source.name), which holds the same")
      } else {
        chosen.state.kept.removeAll { $0 == kept }
        remarks.append(
          "checkpoints/\(kept.name), one of the best so far, is missing: the run goes on without it")
      }
    }
  }

  /// Sees to it that `best` is what the state says, or says that it is not.
  private mutating func settleBest(
    _ folder: RunFolder, _ configuration: RunConfiguration, _ best: Found, _ whole: [Whole]
  ) throws {
    guard let epoch = chosen.state.bestEpoch, best.whole?.isBest(epoch) != true else { return }
    let problem = best.problem ?? "of another epoch than the run's best, \(epoch + 1)"
    if let source = whole.first(where: { $0.isBest(epoch) }) {
      bestSource = source
      remarks.append(
        "checkpoints/best.safetensors is \(problem): made anew from \(source.name), which holds the same")
      return
    }
    guard chosen.state.epoch < configuration.recipe.epochs else {
      throw Failure(
        "the run's best weights (epoch \(epoch + 1)) are lost: the file is \(problem)", file: folder.bestPath,
        hint:
          "restore it from a copy, train on with a larger --epochs, or take the last weights: vtkit convert \(folder.lastPath) OUTPUT"
      )
    }
    chosen.state.bestEpoch = nil
    chosen.state.bestAccuracy = nil
    chosen.state.kept.removeAll { $0.epoch == epoch }
    remarks.append(
      "checkpoints/best.safetensors is \(problem), and the weights of epoch \(epoch + 1), the best so far, are lost: the best of the epochs from here on counts as the run's best"
    )
  }

  private static func nothing(_ folder: RunFolder, _ found: [Found]) -> Failure {
    let names = ["last", "previous", "best"]
    let problems = zip(names, found).compactMap { name, found in found.problem.map { "\(name) is \($0)" } }
    let isEmpty = found.allSatisfy { if case .missing = $0 { true } else { false } }
    return Failure(
      isEmpty
        ? "the run has no checkpoint: it was stopped before its first save, or they were removed"
        : "the run has no whole checkpoint (\(problems.joined(separator: "; ")))", file: folder.path,
      hint: isEmpty
        ? "start it again, with --force"
        : "restore its checkpoints from a copy, or start it again, with --force")
  }
}

/// What is found where a checkpoint belongs.
private enum Found {
  case missing
  case damaged(String)
  case whole(RunCheckpoints.Whole)

  /// - Throws: `Failure` where the disk or memory gives out, or the state makes no sense.
  init(_ path: String, _ configuration: RunConfiguration, batches: Int) throws {
    var status = stat()
    if stat(path, &status) != 0, errno == ENOENT {
      self = .missing
      return
    }
    let store: StateDict
    do {
      store = try CheckpointFile.open(path)
      let hasDigest = try ContentDigest.check(store, .everything)
      guard hasDigest || configuration.format < 2 else { throw Failure("it has no digest") }
    } catch let failure as Failure {
      guard failure.kind != .resource else { throw failure.located(file: path) }
      self = .damaged("damaged (\(failure.problem.printable))")
      return
    }
    guard let text = store.metadata[TrainingState.key] else {
      throw Failure("the checkpoint has no training state", file: path)
    }
    do {
      let state = try TrainingState(JSON(parsing: text))
      try state.check(configuration.recipe, batches: batches)
      self = .whole(
        RunCheckpoints.Whole(path: path, store: store, state: state.settled(for: configuration.recipe)))
    } catch let failure as Failure {
      throw failure.located(file: path)
    }
  }

  var whole: RunCheckpoints.Whole? { if case .whole(let whole) = self { whole } else { nil } }

  /// What is wrong with it.
  var problem: String? {
    switch self {
    case .missing: "missing"
    case .damaged(let problem): problem
    case .whole: nil
    }
  }
}
