import Foundation
import VTCheckpoint
import VTCore
import VTData
import VTModels
import VTTensor

/// The training loop: epochs of updates, an evaluation after each, checkpoints, metrics. A run
/// that is interrupted and resumed gives the same bits as one that is not.
package final class Trainer {
  package let folder: RunFolder
  package let configuration: RunConfiguration
  package private(set) var state: TrainingState
  package let data: any ImageDataSet
  package let engine: Engine
  /// What the run computes with: others once more of the network learns.
  private(set) var parts: Parts
  private let epochBatches: EpochBatches
  private let caches: FeatureCaches?
  private let lock: RunLock
  /// What the recipe asks for, then what the run was given.
  let hooks: [any TrainingHook]
  private var reported: Set<String> = []
  var lastSave = Date()
  /// Whether this process has trained, or only tells of what others did.
  private(set) var hasTrained = false
  /// This process's file of events; nil where the folder takes none.
  private(set) lazy var board = TensorBoardLog(folder: folder.path, time: Date())
  /// What is to be told when the run goes on.
  private var remarks: [String] = []
  /// Whether `last` is an intact checkpoint, so that it may become `previous`.
  var lastIsWhole = false

  package var model: any VisionModel { parts.model }
  private var step: TrainingStep { parts.step }
  private var recipe: Recipe { configuration.recipe }

  /// A new run.
  /// - Parameters:
  ///   - weights: the starting weights by native name; nil from scratch. The head must fit already.
  ///   - teacher: the teacher's weights, where the configuration has one.
  ///   - data: the images; their classes are the network's.
  ///   - hooks: beside the recipe's; the same must be given where the run goes on.
  ///   - memory: of this configuration and data, where it was estimated: it has the plan of the caches.
  /// - Throws: `Failure` where anything does not fit, or another process uses the folder.
  package init(
    folder: RunFolder, configuration: RunConfiguration, weights: StateDict?,
    teacher: StateDict? = nil, data: any ImageDataSet, engine: Engine, hooks: [any TrainingHook] = [],
    memory: MemoryEstimate? = nil
  ) throws {
    try configuration.recipe.validate()
    if data.validation.isEmpty {
      let needing = configuration.recipe.patience != nil ? "--patience" : "--keep-best"
      guard configuration.recipe.patience == nil, configuration.recipe.keepBest == 1 else {
        throw Failure(
          .usage, "\(needing) needs validation images, and there are none", hint: "leave it out")
      }
    }
    parts = try Parts(configuration, weights, engine, teacher: teacher, releases: [])
    var configuration = configuration
    configuration.recipe.settle(for: parts.model)
    caches = try (memory?.plan ?? FeaturePlan(configuration, data)).map {
      FeatureCaches($0, folder: folder.path)
    }
    // Only now, when nothing can be wrong with the network any more, is the disk touched.
    lock = try folder.prepare()
    (self.folder, self.configuration, self.data, self.engine) = (folder, configuration, data, engine)
    self.hooks = Self.hooks(of: configuration.recipe) + hooks
    epochBatches = EpochBatches(data, configuration.recipe, parts.preprocessing, engine)
    state = TrainingState()
    state.optimizer = parts.step.optimizer.name
    do {
      try save()
      if let teacher { try folder.writeTeacher(teacher) }
      try DataListing.write(data, to: folder.listingPath)
      var exports = ExportRecord(folder)
      try exports.add(configuration.exports)
      // Last: a folder that has it has all of it.
      try folder.writeConfiguration(configuration)
    } catch {
      folder.removeRun()
      throw error
    }
  }

  /// A run that goes on where it stopped.
  /// - Parameters:
  ///   - hooks: those that the run was begun with.
  ///   - memory: of this run and data, where it was estimated: it has the plan of the caches.
  ///   - changes: what is to be different from now on, such as the number of epochs or the place of the data; it is kept in
  ///     the run folder.
  /// - Throws: `Failure` where the data is not what the run began with, naming the first files that differ; where what the
  ///   folder says is invalid or no checkpoint is intact; if another process uses the folder.
  package init(
    resuming folder: RunFolder, data: any ImageDataSet, engine: Engine, hooks: [any TrainingHook] = [],
    memory: MemoryEstimate? = nil, changes: (inout RunConfiguration) throws -> Void = { _ in }
  ) throws {
    lock = try RunLock(folder)
    let before = try folder.readConfiguration()
    var configuration = before
    try changes(&configuration)
    try configuration.recipe.validate()
    guard DataFingerprint.of(data) == configuration.dataFingerprint else {
      let difference = DataListing.difference(data, from: folder.listingPath)
      throw Failure(
        "the data set is not the one this run began with" + (difference.map { " (\($0))" } ?? ""),
        file: configuration.data, hint: "restore its files, or start a new run")
    }
    let batches = configuration.recipe.batches(images: data.training.count)
    let found = try RunCheckpoints(folder, configuration, batches: batches)
    let (store, path) = (found.chosen.store, found.chosen.path)
    state = found.chosen.state
    let epochs = configuration.recipe.epochs
    guard state.epoch < epochs || state.epoch == epochs && state.batch == 0 else {
      throw Failure(
        .usage,
        "--epochs \(epochs): the run has "
          + (state.batch == 0 ? "done \(state.epoch.counted("epoch"))" : "begun epoch \(state.epoch + 1)")
          + " already",
        file: folder.path,
        hint: "give a larger number, or start a new run")
    }
    // One that ended early goes on where another end was asked for.
    state.isFinished = state.epoch == epochs || state.isFinished && epochs == before.recipe.epochs
    if epochs != before.recipe.epochs { state.stopReason = nil }
    let changed = configuration != before
    do {
      configuration.metadata.data = try NativeMetadata(store)?.data
      try RunChecks.contents(of: data, configuration)
      let teacher = try configuration.teacher.map { _ in try folder.teacherWeights() }
      parts = try Parts(configuration, store, engine, teacher: teacher, releases: state.releases)
      configuration.recipe.settle(for: parts.model)
      try parts.restore(store, state)
      state.optimizer = parts.step.optimizer.name
      self.hooks = Self.hooks(of: configuration.recipe) + hooks
      try HookTensors.restore(store, to: self.hooks)
      epochBatches = EpochBatches(data, configuration.recipe, parts.preprocessing, engine)
      caches = try (memory?.plan ?? FeaturePlan(configuration, data)).map {
        FeatureCaches($0, folder: folder.path)
      }
    } catch var failure as Failure {
      // Here, numbers that are not finite are damage.
      if failure.kind == .no { failure.kind = .badInput }
      throw failure.located(file: path)
    }
    (self.folder, self.configuration, self.data, self.engine) = (folder, configuration, data, engine)
    lastIsWhole = found.lastIsWhole
    remarks = found.remarks
    if !configuration.lacking.isEmpty {
      remarks.append(
        "the run folder is of an earlier version of VTKit, whose recipe does not say \(configuration.lacking.joined(separator: ", ")): the usual values are taken"
      )
    }
    if let source = found.bestSource {
      try CheckpointFile.write(source.store, to: folder.bestPath, overwrite: true)
    }
    for (kept, source) in found.keptSources {
      try CheckpointFile.write(source.store, to: folder.path(of: kept), overwrite: true)
    }
    if configuration.recipe.keepBest > 1 { try folder.removeOthers(than: state.kept) }
    folder.removeStale()
    if changed { try folder.writeConfiguration(configuration) }
  }

  // MARK: The loop

  /// Trains to the end.
  /// - Parameters:
  ///   - shouldStop: asked before every update and batch of evaluation.
  ///   - watch: called with what happens.
  /// - Throws: `Failure` of kind `.interrupted` where `shouldStop` said so, with the state saved.
  package func run(
    shouldStop: () -> Bool = { false }, watch: (TrainingEvent) throws -> Void = { _ in }
  ) throws {
    let metrics = try MetricsHook(folder, after: state, board)
    if !state.isFinished {
      hasTrained = true
      tellTensorBoard()
    }
    // Saving is last: the others have seen what is saved.
    let hooks: [any TrainingHook] = [metrics] + self.hooks + [PeriodicSave(every: recipe.saveEvery)]
    for remark in remarks + [metrics.remark].compactMap(\.self) { try watch(.warned(remark)) }
    remarks = []
    if let caches, !state.isFinished { try watch(.told(caches.summary)) }
    while state.epoch < recipe.epochs && !state.isFinished {
      let (began, before) = (Date(), state.sums.count)
      try trainEpoch(hooks, shouldStop: shouldStop, watch: watch)
      let speed = Double(state.sums.count - before) / max(1e-3, -began.timeIntervalSinceNow)
      let evaluation = try evaluate(shouldStop: shouldStop, watch: watch)
      try endEpoch(
        hooks, evaluation, imagesPerSecond: speed, seconds: -began.timeIntervalSinceNow, watch: watch)
    }
  }

  /// What a recipe asks to be done after updates or epochs.
  private static func hooks(of recipe: Recipe) -> [any TrainingHook] {
    [recipe.patience.map(EarlyStopping.init)].compactMap(\.self)
  }

  /// Ends the run as its last epoch would: the epoch under way ends with its last update, is evaluated and saved, and the
  /// run is finished. For hooks.
  /// - Parameter reason: what state and report say; the first one counts.
  package func stop(_ reason: String) { state.stopReason = state.stopReason ?? reason }

  /// Of some losses, what an answer that never looks at the image would give.
  private var constantLosses: Metrics {
    var all = Metrics()
    for objective in step.objectives { all.add(objective.constantLosses(model), times: 1) }
    return all
  }

  /// Numbers that training changes.
  var learningCount: Int {
    [model.parameters, parts.adapters?.parameters].compactMap(\.self).flatMap(\.all)
      .reduce(0) { $0 + ($1.tensor.needsGradient ? $1.tensor.count : 0) }
  }

  /// Training images that an epoch leaves out; others in each.
  package var leftOutCount: Int {
    let count = data.training.count
    return max(0, count - recipe.batches(images: count) * recipe.batchSize)
  }

  private func trainEpoch(
    _ hooks: [any TrainingHook], shouldStop: () -> Bool, watch: (TrainingEvent) throws -> Void
  ) throws {
    let (epoch, seed) = (state.epoch, recipe.seed)
    let order = epochBatches.order(epoch)
    let loader = epochBatches.loader(order, epoch: epoch, first: state.batch, cache: caches?.training)
    try watch(.epochBegan(epoch: epoch, batches: loader.count, done: state.batch))
    let updatesPerEpoch = recipe.updates(images: data.training.count)
    while state.stopReason == nil, let batches = try nextBatches(loader, shouldStop) {
      try releaseNext(watch: watch)
      try report(batches.flatMap(\.failures), watch: watch)
      state.batch += batches.count
      let inputs = try batches.filter { $0.count > 0 }.map { try self.inputs($0, order, epoch: epoch) }
      guard !inputs.isEmpty else { continue }
      let result = try step.run(
        inputs, learningRate: recipe.rate(update: state.updates, updatesPerEpoch: updatesPerEpoch),
        random: RandomKey(seed: seed, purpose: .dropout, index: UInt64(state.updates)))
      state.updates += 1
      parts.averages?.update(after: state.updates)
      state.sums.add(result)
      for hook in hooks { try hook.updated(result, self) }
      try watch(.updated(epoch: epoch, batch: state.batch, result))
    }
    try checkReadable()
  }

  /// What a step learns from a batch: its images, or what the cache has of them.
  private func inputs(_ batch: Batch, _ order: SampleOrder, epoch: Int) throws -> StepInputs {
    guard let cache = caches?.training else { return epochBatches.inputs(batch, order, epoch: epoch) }
    let places = epochBatches.places(batch, order, epoch: epoch)
    let (images, pass) = try cache.pass(batch, places: places, engine, run: step.runPrefix)
    return epochBatches.inputs(batch, order, epoch: epoch, images: images, prefix: pass)
  }

  /// The batches of the next update; nil at the end of the epoch.
  private func nextBatches(_ loader: BatchLoader, _ shouldStop: () -> Bool) throws -> [Batch]? {
    var batches: [Batch] = []
    while batches.count < recipe.accumulation, let batch = loader.next() {
      // Between two updates the state is whole.
      if batches.isEmpty { try stopIfAsked(shouldStop) }
      batches.append(batch)
    }
    return batches.isEmpty ? nil : batches
  }

  /// A class of which no image can be read cannot be learned.
  private func checkReadable() throws {
    guard state.sums.count > 0 else {
      throw Failure(
        "none of the \(data.training.count) training images could be read", file: configuration.data,
        hint: "look at one of them: \(data.training[0].id.printable)")
    }
    guard !reported.isEmpty else { return }
    let labels = Set(data.training.lazy.filter { !self.reported.contains($0.id) }.map(\.label))
    guard let label = data.classes.indices.first(where: { !labels.contains($0) }) else { return }
    throw Failure(
      "none of the \(data.training.count { $0.label == label }) training images of the class '\(data.classes[label].printable)' could be read",
      file: configuration.data, hint: "replace them, or remove the class")
  }

  private func evaluate(shouldStop: () -> Bool, watch: (TrainingEvent) throws -> Void) throws
    -> Evaluation?
  {
    guard !data.validation.isEmpty else { return nil }
    var stopped = false
    let result: Evaluation
    do {
      result = try asKept { _ in
        try Evaluation.run(
          model, data.validation, of: data, preprocessing: parts.preprocessing, batchSize: recipe.batchSize,
          engine: engine, strict: recipe.strictData, cache: caches?.validation
        ) { done in
          try? watch(.evaluating(done: done, of: data.validation.count))
          stopped = shouldStop()
          return !stopped
        }
      }
    } catch let failure as Failure where failure.kind == .no {
      throw TrainingStep.diverged("the network's output", update: state.updates, file: failure.file)
    }
    if stopped { try stopIfAsked { true } }
    try report(result.failures, watch: watch)
    return result
  }

  private func endEpoch(
    _ hooks: [any TrainingHook], _ evaluation: Evaluation?, imagesPerSecond: Double, seconds: Double,
    watch: (TrainingEvent) throws -> Void
  ) throws {
    let sums = state.sums
    // Without validation the latest epoch counts as the best.
    let isBest = evaluation.map { $0.accuracy > state.bestAccuracy ?? -1 } ?? true
    let result = EpochResult(
      epoch: state.epoch, trainLosses: sums.losses.divided(by: sums.count),
      constantLosses: constantLosses,
      trainAccuracy: sums.count == 0 ? 0 : Double(sums.correct) / Double(sums.count), validation: evaluation,
      isBest: isBest, imagesPerSecond: imagesPerSecond, seconds: seconds)
    let isCut = state.stopReason != nil
    for hook in hooks { try hook.epochEnded(result, self) }
    if isBest {
      state.bestAccuracy = evaluation?.accuracy
      state.bestEpoch = state.epoch
    }
    state.epoch += 1
    state.batch = 0
    state.sums = TrainingState.Sums()
    // What has come to its end anyway does not end early.
    if state.epoch == recipe.epochs && !isCut { state.stopReason = nil }
    state.isFinished = state.epoch == recipe.epochs || state.stopReason != nil
    try saveEpoch(result)
    try watch(.epochEnded(result))
    if let reason = state.stopReason { try watch(.told("stopped early: " + reason)) }
  }

  private func stopIfAsked(_ shouldStop: () -> Bool) throws {
    guard shouldStop() else { return }
    try save()
    throw Failure(
      .interrupted, "stopped at epoch \(state.epoch + 1), update \(state.updates), and saved",
      file: folder.path,
      hint: configuration.isDataOfProgram || !Optimizers.names.contains(recipe.optimizer.name)
        ? "go on with TrainingRun.resume in this program"
        : "go on with: vtkit finetune --resume \(folder.path)")
  }

  private func report(_ failures: [Failure], watch: (TrainingEvent) throws -> Void) throws {
    for failure in failures {
      if recipe.strictData { throw failure }
      if reported.insert(failure.file ?? "").inserted { try watch(.unreadable(failure)) }
    }
  }

  /// Images that could not be read so far.
  package var unreadableCount: Int { reported.count }

  // MARK: What learns

  /// Lets the next part of the network learn, where its epoch has come: from here on the trainer is what a resumed one would
  /// be. At an epoch's first update and not before, so that what was saved at the end of an epoch stays what it was.
  private func releaseNext(watch: (TrainingEvent) throws -> Void) throws {
    guard let unfreezing = parts.unfreezing else { return }
    let (done, due) = (state.releases.count, unfreezing.due(in: state.epoch))
    guard done < due else { return }
    let store = try snapshot()
    state.releases += [Int](repeating: state.updates, count: due - done)
    let next = try Parts(
      configuration, store, engine, teacher: configuration.teacher.map { _ in try folder.teacherWeights() },
      releases: state.releases)
    let released = unfreezing.parts[done..<due]
    try next.restore(store, state, without: released.reduce(into: []) { $0.formUnion($1.names) })
    parts = next
    try watch(.told("epoch \(state.epoch + 1): \(unfreezing.text(released)) from here on"))
  }

  /// The end of an epoch, which `state` counts already: among the best it gets a name of its own.
  private func saveEpoch(_ result: EpochResult) throws {
    let accuracy = recipe.keepBest > 1 ? result.validation?.accuracy : nil
    let kept = accuracy.flatMap { state.keep(result.epoch, $0, most: recipe.keepBest) }
    let store = try checkpoint()
    if let kept { try CheckpointFile.write(store, to: folder.path(of: kept), overwrite: true) }
    if result.isBest {
      let isLinked = try kept.map { try folder.link(folder.path(of: $0), as: folder.bestPath) }
      if isLinked != true { try CheckpointFile.write(store, to: folder.bestPath, overwrite: true) }
    }
    try save(store)
    // The saved state no longer lists the others: now their files can go.
    if accuracy != nil { try folder.removeOthers(than: state.kept) }
  }
}
