import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// Whole runs on the clip-art images, with a tiny network.
struct TrainerTests {
  static let configuration: JSON = .object([
    "architecture": .string("vit"), "image_size": .int(24), "in_channels": .int(3),
    "num_classes": .int(10), "norm_eps": .number("1e-06"), "activation": .string("gelu"),
    "patch_size": .int(8), "embed_dim": .int(24), "depth": .int(2), "num_heads": .int(3),
    "mlp_dim": .int(40),
  ])

  /// A few of the fixture's images, with one that is broken.
  static func data(_ folder: TemporaryFolder) throws -> ImageFolder {
    let root = folder.file("data")
    for (set, count) in [("train", 7), ("val", 3)] {
      for name in ["animals", "flags", "people"] {
        let source = Fixtures.root + "/fixtures/clipart/\(set)/\(name)"
        let target = "\(root)/\(set)/\(name)"
        try FileManager.default.createDirectory(
          atPath: target, withIntermediateDirectories: true)
        for file in try FileManager.default.contentsOfDirectory(atPath: source).sorted().prefix(count) {
          try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(target)/\(file)")
        }
      }
    }
    try Data("no image".utf8).write(to: URL(fileURLWithPath: root + "/train/flags/zz.jpg"))
    return try ImageFolder(root)
  }

  static func recipe(epochs: Int = 4) -> Recipe {
    var recipe = Recipe()
    recipe.epochs = epochs
    recipe.batchSize = 5
    recipe.learningRate = 2e-3
    recipe.warmupEpochs = epochs > 1 ? 1 : 0
    // 22 images: 4 batches.
    recipe.dropsLastBatch = true
    recipe.dropPath = 0.2
    recipe.dropout = 0.1
    recipe.drloc = DrlocOptions(pairs: 8, weight: 0.3)
    recipe.seed = 11
    return recipe
  }

  /// The same with every augmentation.
  static func augmented(epochs: Int = 4) -> Recipe {
    var recipe = recipe(epochs: epochs)
    recipe.verticalFlipProbability = 0.3
    recipe.rotationDegrees = 10
    recipe.augmentationPolicy = "rand-m9-mstd0.5-inc1"
    recipe.colorJitter = [0.2, 0.2, 0.2, 0.1]
    recipe.grayscaleProbability = 0.2
    recipe.erasingProbability = 0.5
    recipe.erasingMode = .pixel
    return recipe
  }

  static func trainer(
    _ data: ImageFolder, _ path: String, threads: Int = 2, recipe: Recipe = recipe(),
    hooks: [any TrainingHook] = []
  ) throws -> Trainer {
    let metadata = NativeMetadata(
      configuration: HeadReplacement.configuration(configuration, numClasses: 3),
      classes: data.classes, preprocessing: Preprocessing(imageSize: 24).json)
    let run = RunConfiguration(
      recipe: recipe, data: "data", dataFingerprint: DataFingerprint.of(data), checkpoint: nil,
      metadata: metadata, exports: [], keepsDrloc: false)
    return try Trainer(
      folder: RunFolder.create(path, overwrite: false), configuration: run, weights: nil,
      data: data, engine: Engine(threads: threads), hooks: hooks)
  }

  /// All tensors of a run's last checkpoint, optimizer and drloc head included, as bits.
  static func bits(_ trainer: Trainer) throws -> [String: [UInt8]] {
    let store = try CheckpointFile.open(trainer.folder.lastPath)
    var result: [String: [UInt8]] = [:]
    for tensor in store.tensors { result[tensor.name] = try tensor.bytes().array }
    return result
  }

  /// Metrics without the wall-clock time.
  static func metrics(_ trainer: Trainer) -> [String] {
    MetricsLog.read(trainer.folder.metricsPath).map { line in
      JSON.object((line.members ?? []).filter { !["seconds", "images_per_second", "time"].contains($0.key) })
        .text()
    }
  }

  @Test func twentyUpdatesGiveTheSameBitsOnOneAndTwoThreads() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    let runs = try [1, 2, 3].map { threads in
      let trainer = try Self.trainer(
        data, folder.file("run\(threads)"), threads: threads, recipe: Self.augmented(epochs: 5))
      try trainer.run()
      #expect(trainer.state.updates == 20)
      return (try Self.bits(trainer), Self.metrics(trainer))
    }
    #expect(runs[0].0.count > 60)
    #expect(runs[0].0 == runs[1].0 && runs[0].0 == runs[2].0)
    #expect(runs[0].1 == runs[1].1)
  }

  @Test func interruptedRunsResumeToTheSameBits() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    let whole = try Self.trainer(data, folder.file("whole"), recipe: Self.augmented())
    try whole.run()
    // Stopped after 2, 6 (in the middle of an epoch) and 9 questions, each time by a polite request.
    let path = folder.file("stopped")
    var trainer = try Self.trainer(data, path, recipe: Self.augmented())
    for limit in [2, 6, 9] {
      var asked = 0
      let failure = #expect(throws: Failure.self) {
        try trainer.run(shouldStop: {
          asked += 1
          return asked > limit
        })
      }
      #expect(failure?.kind == .interrupted)
      #expect(failure?.hint == "go on with: vtkit finetune --resume \(path)")
      trainer = try Trainer(
        resuming: RunFolder.open(path), data: data, engine: Engine(threads: limit % 2 + 1))
    }
    try trainer.run()
    #expect(try Self.bits(whole) == Self.bits(trainer))
    #expect(Self.metrics(whole) == Self.metrics(trainer))
  }

  /// A run that dies without saving goes on from its last checkpoint; what it wrote since is dropped.
  @Test func killedRunsResumeToTheSameBits() throws {
    struct Died: Error {}
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    let whole = try Self.trainer(data, folder.file("whole"), recipe: Self.augmented())
    try whole.run()
    let path = folder.file("killed")
    let trainer = try Self.trainer(data, path, recipe: Self.augmented())
    var seen = 0
    #expect(throws: Died.self) {
      try trainer.run(watch: { event in
        if case .updated = event { seen += 1 }
        if seen == 7 { throw Died() }
      })
    }
    #expect(MetricsLog.read(path + "/metrics.jsonl").count > 4)
    let resumed = try Trainer(
      resuming: RunFolder.open(path), data: data, engine: Engine(threads: 2))
    #expect(resumed.state.epoch == 1 && resumed.state.batch == 0)
    try resumed.run()
    #expect(try Self.bits(whole) == Self.bits(resumed))
    #expect(Self.metrics(whole) == Self.metrics(resumed))
  }

  @Test func trainingLowersBothLosses() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    var recipe = Self.recipe(epochs: 25)
    recipe.dropout = 0
    recipe.dropPath = 0
    let trainer = try Self.trainer(data, folder.file("run"), recipe: recipe)
    var (first, last): (EpochResult?, EpochResult?)
    var unreadable: [String] = []
    try trainer.run(watch: { event in
      switch event {
      case .epochEnded(let result):
        first = first ?? result
        last = result
      case .unreadable(let failure): unreadable.append(failure.file ?? "")
      default: break
      }
    })
    let (a, b) = (try #require(first), try #require(last))
    #expect(b.mean("cross_entropy") < 0.8 * a.mean("cross_entropy"))
    #expect(b.mean("drloc") < 0.9 * a.mean("drloc"))
    #expect(b.validation?.count == 9)
    #expect(unreadable.count == 1 && unreadable[0].hasSuffix("flags/zz.jpg"))
    #expect(trainer.state.isFinished && FileManager.default.fileExists(atPath: trainer.folder.bestPath))
    // Another run on other data is refused.
    try FileManager.default.removeItem(atPath: folder.file("data/val/flags"))
    let other = try ImageFolder(folder.file("data"))
    let failure = #expect(throws: Failure.self) {
      try Trainer(resuming: trainer.folder, data: other, engine: Engine(threads: 1))
    }
    let problem = failure?.problem ?? ""
    #expect(
      problem.hasPrefix("the data set is not the one this run began with (3 missing: flags/"), "\(problem)")
  }

  @Test func strictDataStopsAtABrokenImage() throws {
    let folder = try TemporaryFolder()
    var recipe = Self.recipe()
    recipe.strictData = true
    let trainer = try Self.trainer(try Self.data(folder), folder.file("run"), recipe: recipe)
    let failure = #expect(throws: Failure.self) { try trainer.run() }
    #expect(failure?.file?.hasSuffix("zz.jpg") == true)
  }

  @Test func aClassWithoutReadableImagesIsAnError() throws {
    let folder = try TemporaryFolder()
    _ = try Self.data(folder)
    let flags = folder.file("data/train/flags")
    for name in try FileManager.default.contentsOfDirectory(atPath: flags) {
      // Begins as an image does.
      let start = try Data(contentsOf: URL(fileURLWithPath: flags + "/" + name)).prefix(20)
      try start.write(to: URL(fileURLWithPath: flags + "/" + name))
    }
    let data = try ImageFolder(folder.file("data"))
    var recipe = Self.recipe()
    recipe.batchSize = 4
    let trainer = try Self.trainer(data, folder.file("run"), recipe: recipe)
    let failure = #expect(throws: Failure.self) { try trainer.run() }
    #expect(failure?.problem == "none of the 8 training images of the class 'flags' could be read")
  }

  @Test func aNewHeadReplacesExactlyTheHead() throws {
    let engine = Engine(threads: 1)
    let model = try Models.make(Self.configuration, weights: nil, engine: engine, seed: 3)
    let old = try model.parameters.store()
    let configuration = HeadReplacement.configuration(Self.configuration, numClasses: 4)
    let new = try HeadReplacement.weights(old, configuration: configuration, seed: 5)
    #expect(Set(new.names) == Set(old.names))
    for tensor in old.tensors {
      let other = try #require(new[tensor.name])
      if tensor.name.hasPrefix("head.") {
        #expect(other.shape[0] == 4)
      } else {
        #expect(try other.bytes().array == tensor.bytes().array, "\(tensor.name)")
      }
    }
    // A kept head's rows follow the classes.
    #expect(HeadReplacement.rows(of: ["a", "b", "c"], in: ["c", "a", "b"]) == [1, 2, 0])
    #expect(HeadReplacement.rows(of: ["a", "b"], in: ["a", "x"]) == nil)
    #expect(HeadReplacement.rows(of: ["a", "b"], in: ["a", "b", "c"]) == nil)
    let four = try HeadReplacement.weights(new, configuration: configuration, seed: 9, rows: [3, 1, 0, 2])
    let (before, after) = (try new.values("head.weight"), try four.values("head.weight"))
    #expect(after[..<24] == before[72...] && after[48..<72] == before[..<24])
    let weight = try new.values("head.weight")
    #expect(weight.allSatisfy { abs($0) <= 0.04 } && weight.contains { $0 != 0 })
    #expect(try new.values("head.bias") == [0, 0, 0, 0])
  }

  @Test func headOnlyTrainingLeavesTheTrunkAlone() throws {
    let folder = try TemporaryFolder()
    var recipe = Self.recipe(epochs: 1)
    recipe.headOnly = true
    let trainer = try Self.trainer(try Self.data(folder), folder.file("run"), recipe: recipe)
    let before = try trainer.model.parameters.store()
    try trainer.run()
    for (name, tensor) in trainer.model.parameters.all {
      let isHead = name.hasPrefix("head.") || name.hasPrefix("drloc.")
      #expect((tensor.values != (try before.values(name))) == isHead, "\(name)")
    }
  }

  @Test func aRunThatDivergesSaysSo() throws {
    let folder = try TemporaryFolder()
    var recipe = Self.recipe()
    recipe.learningRate = 1e30
    recipe.warmupEpochs = 0
    recipe.optimizer.clipNorm = nil
    let trainer = try Self.trainer(try Self.data(folder), folder.file("run"), recipe: recipe)
    let failure = #expect(throws: Failure.self) { try trainer.run() }
    #expect(failure?.problem.contains("no longer a number") == true)
  }

  @Test func theReportStandsAlone() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    let trainer = try Self.trainer(data, folder.file("run"), recipe: Self.recipe(epochs: 2))
    try trainer.run()
    let evaluation = try Evaluation.run(
      trainer.model, data.validation, of: data, preprocessing: Preprocessing(imageSize: 24), batchSize: 4,
      engine: Engine(threads: 1))
    try trainer.writeReport(RunOutcome(evaluation: evaluation, test: nil), ReportExtras())
    let page = try String(contentsOfFile: trainer.folder.reportPath, encoding: .utf8)
    #expect(page.contains("animals") && page.contains("<svg") && page.contains("Confusion"))
    #expect(!page.contains("http://") && !page.contains("https://"))
    #expect(evaluation.confusion(classes: 3).joined().reduce(0, +) == 9)
  }
}

extension EpochResult {
  /// A loss over the epoch's training images.
  func mean(_ name: String) -> Double { trainLosses[name] ?? .nan }
}
