import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// Runs whose network is frozen in its first part, with a cache and without.
struct FeatureCacheTests {
  /// What is frozen, and what else decides what is the same in every step.
  enum Kind: String, CaseIterable {
    case head, headAndDrloc, blocks, adapters

    func set(_ recipe: inout Recipe) {
      recipe.dropPath = 0
      recipe.freezesBatchNorm = true
      switch self {
      case .head: (recipe.headOnly, recipe.drloc) = (true, nil)
      case .headAndDrloc: recipe.headOnly = true
      case .blocks: (recipe.frozenBlocks, recipe.recomputes) = (1, true)
      case .adapters: recipe.loraRank = 2
      }
    }
  }

  static func trainer(
    _ tiny: AllNetworksTests.Tiny, _ data: any ImageDataSet, _ path: String, threads: Int = 2,
    _ change: (inout Recipe) -> Void
  ) throws -> Trainer {
    var recipe = Recipe()
    (recipe.epochs, recipe.batchSize, recipe.learningRate, recipe.warmupEpochs) = (2, 7, 3e-3, 0)
    recipe.drloc = tiny.options
    recipe.seed = 5
    recipe.augments = false
    change(&recipe)
    let size = tiny.configuration["image_size"]?.int ?? 0
    let metadata = NativeMetadata(
      configuration: tiny.configuration, classes: data.classes,
      preprocessing: Preprocessing(imageSize: size).json)
    let run = RunConfiguration(
      recipe: recipe, data: "data", dataFingerprint: DataFingerprint.of(data), checkpoint: nil,
      metadata: metadata, exports: [], keepsDrloc: false)
    return try Trainer(
      folder: RunFolder.create(path, overwrite: false), configuration: run,
      weights: AllNetworksTests.weights(tiny), data: data, engine: Engine(threads: threads))
  }

  /// With a cache, a run of whatever network goes as it does without, up to rounding; wherever the cache is and however much it
  /// holds, to the same bits.
  @Test(arguments: AllNetworksTests.networks, Kind.allCases)
  func aCacheChangesNothing(_ tiny: AllNetworksTests.Tiny, _ kind: Kind) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    func run(_ name: String, threads: Int = 2, _ change: (inout Recipe) -> Void) throws -> Trainer? {
      let trainer: Trainer
      do {
        trainer = try Self.trainer(tiny, data, folder.file(name), threads: threads) { recipe in
          kind.set(&recipe)
          change(&recipe)
        }
      } catch let failure as Failure where kind == .adapters && failure.problem.hasPrefix("--lora-rank") {
        // Convolutional networks have no such weights.
        return nil
      }
      try trainer.run()
      return trainer
    }
    guard let plain = try run("plain", { _ in }) else { return }
    let cached = try #require(try run("memory") { $0.cacheSize = 1 << 30 })
    for (line, other) in zip(
      MetricsLog.read(plain.folder.metricsPath), MetricsLog.read(cached.folder.metricsPath))
    {
      let losses = try ["loss", "train_loss", "val_loss"].compactMap { name in
        try line[name]?.double.map { ($0, try #require(other[name]?.double)) }
      }
      #expect(!losses.isEmpty)
      for (loss, cachedLoss) in losses { expectClose([cachedLoss], [loss], relative: 1e-4) }
    }
    let bits = try TrainerTests.bits(cached)
    let other = try #require(
      try run("little", threads: 1) {
        $0.cacheSize = 60_000
        $0.cachesOnDisk = true
      })
    #expect(try TrainerTests.bits(other) == bits)
    #expect(TrainerTests.metrics(other) == TrainerTests.metrics(cached))
  }

  /// A linear probe reads each image once and runs the network over it once.
  @Test func anImageIsReadAndComputedOnce() throws {
    let folder = try TemporaryFolder()
    let data = CountingData(try TrainerTests.data(folder))
    let tiny = AllNetworksTests.networks[0]
    let trainer = try Self.trainer(tiny, data, folder.file("run")) {
      Kind.head.set(&$0)
      $0.cacheSize = 1 << 20
    }
    let before = data.reads
    var told: [String] = []
    try trainer.run(watch: { if case .told(let text) = $0 { told.append(text) } })
    // One of the training images cannot be read, and is tried again in both epochs. TensorBoard shows some.
    let shown = Trainer.imagesForTensorBoard
    #expect(data.reads - before - shown == data.training.count + data.validation.count + 1)
    #expect(
      told.first?.hasPrefix("cache: 100 % of the network's work is the same in every epoch") == true,
      "\(told)")
    // The classifier alone is left, forward and backward: 3 classes of 24 channels.
    let passes = Double(data.training.count - 1 + data.validation.count)
    let work = Double(trainer.engine.flops) / passes
    let network = try Self.flops(tiny)
    #expect(work > network && work < 1.02 * network, "\(work) \(network)")
  }

  private static func flops(_ tiny: AllNetworksTests.Tiny) throws -> Double {
    let engine = Engine(threads: 1)
    let model = try Models.make(tiny.configuration, weights: nil, engine: engine)
    let size = model.imageSize
    _ = model.forward(engine.zeros([1, size, size, 3]), Tape(engine, recording: false))
    return Double(engine.flops)
  }

  @Test func viewsComeBack() throws {
    let folder = try TemporaryFolder()
    let data = CountingData(try TrainerTests.data(folder))
    func run(_ name: String, cache: Int) throws -> Trainer {
      let trainer = try Self.trainer(AllNetworksTests.networks[0], data, folder.file(name)) {
        Kind.blocks.set(&$0)
        ($0.augments, $0.views, $0.epochs, $0.cacheSize) = (true, 2, 4, cache)
        $0.erasingProbability = 0.5
      }
      try trainer.run()
      return trainer
    }
    // Room for no image: all are read in every epoch.
    let plain = try TrainerTests.bits(run("none", cache: 1))
    let (reads, shown) = (data.reads, Trainer.imagesForTensorBoard)
    #expect(reads - shown == 4 * (data.training.count + data.validation.count))
    #expect(try TrainerTests.bits(run("cached", cache: 1 << 30)) == plain)
    // Two views of each, the validation images once, and in the other two epochs the one that cannot be read.
    #expect(data.reads - reads - shown == 2 * data.training.count + data.validation.count + 2)
  }

  /// Balanced sampling shows an image of a small class several times in an epoch, each copy augmented in its own way.
  @Test func copiesAndViewsHavePlacesOfTheirOwn() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    for name in try FileManager.default.contentsOfDirectory(atPath: data.path + "/train/people").sorted()
      .dropFirst()
    {
      try FileManager.default.removeItem(atPath: data.path + "/train/people/" + name)
    }
    let few = try ImageFolder(data.path)
    let bits = try [1, 1 << 30].map { cache in
      let trainer = try Self.trainer(AllNetworksTests.networks[0], few, folder.file("run\(cache)")) {
        Kind.blocks.set(&$0)
        ($0.augments, $0.views, $0.epochs, $0.cacheSize) = (true, 3, 4, cache)
        $0.sampling = .balanced
      }
      try trainer.run()
      return try TrainerTests.bits(trainer)
    }
    #expect(bits[0] == bits[1])
  }

  @Test func stoppedRunsGoOnToTheSameBits() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    func change(_ recipe: inout Recipe) {
      Kind.blocks.set(&recipe)
      recipe.cacheSize = 40_000
    }
    let whole = try Self.trainer(AllNetworksTests.networks[3], data, folder.file("whole"), change)
    try whole.run()
    let path = folder.file("stopped")
    var left = 6
    let failure = #expect(throws: Failure.self) {
      try Self.trainer(AllNetworksTests.networks[3], data, path, threads: 1, change).run {
        left -= 1
        return left < 0
      }
    }
    #expect(failure?.kind == .interrupted)
    let resumed = try Trainer(resuming: RunFolder.open(path), data: data, engine: Engine(threads: 1))
    try resumed.run()
    #expect(try TrainerTests.bits(resumed) == TrainerTests.bits(whole))
  }

  /// What cannot be kept is said, before anything is written.
  @Test(arguments: [
    ("batch norm", "--freeze-batch-norm"), ("nothing frozen", "--freeze-blocks"),
    ("augmented", "--no-augmentation"), ("mixed", "--mixup"),
  ])
  func whatCannotBeKeptIsSaid(_ name: String, _ hint: String) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let tiny = AllNetworksTests.networks[name == "batch norm" ? 9 : 0]
    let failure = #expect(throws: Failure.self) {
      _ = try Self.trainer(tiny, data, folder.file("run")) { recipe in
        recipe.cacheSize = 1 << 20
        switch name {
        case "batch norm": recipe.headOnly = true
        case "augmented": (recipe.headOnly, recipe.augments) = (true, true)
        case "mixed": (recipe.headOnly, recipe.mixup) = (true, 0.2)
        default: break
        }
      }
    }
    #expect(failure?.kind == .usage && "\(failure!)".contains(hint), "\(failure!)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).contains("run") == false)
  }

  /// What a cache will hold is found once: by the estimate of memory, which the run is then given.
  @Test func theEstimateHasThePlan() throws {
    let folder = try TemporaryFolder()
    let (data, tiny) = (try TrainerTests.data(folder), AllNetworksTests.networks[0])
    func run(_ cache: Int?) throws -> RunConfiguration {
      try Self.trainer(tiny, data, folder.file("run \(cache ?? 0)")) {
        Kind.head.set(&$0)
        $0.cacheSize = cache
      }.configuration
    }
    func told(_ trainer: Trainer) throws -> String? {
      var told: [String] = []
      try trainer.run(watch: { if case .told(let text) = $0 { told.append(text) } })
      return told.first { $0.hasPrefix("cache") }
    }
    let (large, small) = (try run(1 << 30), try run(500))
    let plan = try #require(try MemoryEstimate(large, data).plan)
    #expect(try plan.summary == FeaturePlan(large, data)?.summary && plan.summary.contains("for all"))
    #expect(try MemoryEstimate(run(nil), data).plan == nil && MemoryEstimate(large).plan == nil)
    let estimate = try MemoryEstimate(small, data)
    let begun = try Trainer(
      folder: RunFolder.create(folder.file("given"), overwrite: false), configuration: large,
      weights: AllNetworksTests.weights(tiny), data: data, engine: Engine(threads: 1), memory: estimate)
    #expect(try told(begun) == estimate.plan?.summary)
    let resumed = try Trainer(
      resuming: RunFolder.open(folder.file("run \(1 << 30)")), data: data, engine: Engine(threads: 1),
      memory: estimate)
    #expect(try told(resumed) == estimate.plan?.summary && estimate.plan?.summary != plan.summary)
  }

  /// What a disk refuses is an error of the system, and numbers come back as they were.
  @Test func featuresGoToTheDisk() throws {
    let folder = try TemporaryFolder()
    let features = DiskFeatures(in: folder.path, count: 3)
    #expect(!features.holds(4))
    #expect(try features.read(4) == nil)
    try features.write([1, .infinity, -0.0], at: 4)
    try features.write([4, 5, 6], at: 0)
    #expect(features.holds(4))
    #expect(try features.read(4) == [1, .infinity, -0.0])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    let nowhere = folder.file("missing")
    let failure = #expect(throws: Failure.self) {
      try DiskFeatures(in: nowhere, count: 1).write([1], at: 0)
    }
    #expect(failure?.file == nowhere)
  }
}

/// A data set that counts how often an image is read.
private final class CountingData: ImageDataSet, @unchecked Sendable {
  private let inner: ImageFolder
  private let lock = NSLock()
  private var count = 0

  init(_ inner: ImageFolder) { self.inner = inner }

  var reads: Int { lock.withLock { count } }

  func data(of sample: Sample) throws -> Data {
    lock.withLock { count += 1 }
    return try inner.data(of: sample)
  }

  var path: String { inner.path }
  var isOnDisk: Bool { inner.isOnDisk }
  var kind: String { inner.kind }
  var classes: [String] { inner.classes }
  var training: [Sample] { inner.training }
  var validation: [Sample] { inner.validation }
  var test: [Sample] { inner.test }
  var validationFolder: String? { inner.validationFolder }
  var testFolder: String? { inner.testFolder }
  var usesTestSplit: Bool { inner.usesTestSplit }
  var remarks: DataRemarks { inner.remarks }
  func title(of set: String) -> String { inner.title(of: set) }
  func divided(validationFraction: Double, seed: UInt64) throws -> CountingData {
    CountingData(try inner.divided(validationFraction: validationFraction, seed: seed))
  }
}
