import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTConversion
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor
@testable import VTModels

/// What every network must do in training, with tiny configurations on a few clip-art images.
struct AllNetworksTests {
  struct Tiny: Sendable, CustomTestStringConvertible {
    let name: String
    let configuration: JSON
    var options = DrlocOptions(pairs: 16, weight: 0.3)
    /// Reference case whose weights the run starts from; nil from scratch.
    var start: String?
    var testDescription: String { name }
  }

  /// A preset's configuration, much smaller.
  static func tiny(_ preset: String, _ changes: KeyValuePairs<String, JSON>) -> JSON {
    let changed = Dictionary(uniqueKeysWithValues: changes.map { ($0.key, $0.value) })
    let members = Models.all.first { $0.name == preset }?.configuration.members ?? []
    return .object(
      members.map { JSON.Member(key: $0.key, value: changed[$0.key] ?? $0.value) }
        + changes.filter { change in !members.contains { $0.key == change.key } }
        .map { JSON.Member(key: $0.key, value: $0.value) })
  }

  static func list(_ values: Int...) -> JSON { .array(values.map { .int($0) }) }

  /// A reference case's configuration for three classes.
  static func fromCase(_ name: String) -> JSON {
    guard let reference = try? ReferenceCase(name),
      let loaded = try? LoadedCheckpoint.load(
        reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    else { return .null }
    return HeadReplacement.configuration(loaded.metadata.configuration, numClasses: 3)
  }

  static func weights(_ tiny: Tiny) throws -> StateDict? {
    guard let start = tiny.start else { return nil }
    let reference = try ReferenceCase(start)
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    return try HeadReplacement.weights(loaded.native, configuration: tiny.configuration, seed: 5)
  }

  static let swin = tiny(
    "swin_tiny_patch4_window7_224",
    [
      "image_size": .int(32), "embed_dim": .int(8), "depths": list(2, 2), "num_heads": list(2, 4),
      "window_size": .int(4), "mlp_ratio": .int(2), "num_classes": .int(3),
    ])

  static let networks = [
    Tiny(
      name: "vit",
      configuration: tiny(
        "vit_tiny_patch16_224",
        [
          "image_size": .int(32), "patch_size": .int(8), "embed_dim": .int(24), "depth": .int(2),
          "num_heads": .int(3), "head_dim": .int(8), "mlp_dim": .int(40), "num_classes": .int(3),
        ]), options: DrlocOptions(mode: .ce, pairs: 16, weight: 0.1)),
    Tiny(
      name: "vit, layer scales and registers", configuration: fromCase("vit_dinov2_pth"),
      start: "vit_dinov2_pth"),
    Tiny(
      name: "vit, norm in front", configuration: fromCase("vit_openclip_safetensors"),
      start: "vit_openclip_safetensors"),
    Tiny(name: "swin", configuration: swin),
    Tiny(
      name: "swin, a loss a stage, odd grids",
      configuration: tiny(
        "swin_tiny_patch4_window7_224",
        [
          "image_size": .int(36), "embed_dim": .int(8), "depths": list(2, 1), "num_heads": list(2, 4),
          "window_size": .int(4), "mlp_ratio": .int(2), "num_classes": .int(3),
        ]), options: DrlocOptions(target: .reference, isMultiscale: true, pairs: 16, weight: 0.1)),
    Tiny(
      name: "cvt, class token",
      configuration: tiny(
        "cvt_13_224",
        [
          "image_size": .int(48), "embed_dim": list(8, 12, 16), "depths": list(1, 1, 1),
          "num_heads": list(1, 2, 2), "mlp_ratio": list(2, 2, 2), "num_classes": .int(3),
        ])),
    Tiny(
      name: "cvt, as the reference trains it",
      configuration: tiny(
        "cvt_13_224",
        [
          "image_size": .int(48), "embed_dim": list(8, 12, 16), "depths": list(1, 1, 1),
          "num_heads": list(1, 1, 1), "mlp_ratio": list(2, 2, 2), "num_classes": .int(3),
          "head_dim": .int(64), "patch_padding": list(3, 1, 1), "qkv_bias": .bool(false),
          "class_token": .array([.bool(false), .bool(false), .bool(false)]),
          "attention_scale": .string("head_dim**-0.5"), "kv_projection": .string("shared"),
          "norm_eps_outside_sqrt": .bool(true), "final_norm": .bool(false),
          "pooling": .string("mean"), "activation": .string("gelu"),
        ])),
    Tiny(name: "t2t, performer", configuration: fromCase("t2t_yitu_pth"), start: "t2t_yitu_pth"),
    Tiny(
      name: "t2t, transformer", configuration: fromCase("t2t_yitu_transformer_pth"),
      start: "t2t_yitu_transformer_pth"),
    Tiny(
      name: "resnet, basic",
      configuration: tiny(
        "resnet18",
        [
          "image_size": .int(64), "depths": list(1, 1, 1), "channels": list(8, 12, 16),
          "stem_channels": .int(8), "num_classes": .int(3),
        ])),
    Tiny(
      name: "resnet, bottleneck",
      configuration: tiny(
        "resnet50",
        [
          "image_size": .int(64), "depths": list(1, 2), "channels": list(6, 8),
          "stem_channels": .int(8), "num_classes": .int(3),
        ])),
  ]

  static func trainer(
    _ tiny: Tiny, _ data: ImageFolder, _ path: String, threads: Int = 2, epochs: Int,
    recomputes: Bool = false, learningRate: Double = 3e-3
  ) throws -> Trainer {
    var recipe = Recipe()
    recipe.epochs = epochs
    recipe.batchSize = 10
    recipe.learningRate = learningRate
    recipe.warmupEpochs = epochs > 1 ? 1 : 0
    recipe.dropPath = 0.1
    recipe.labelSmoothing = 0
    recipe.cropScale = [0.8, 1]
    recipe.drloc = tiny.options
    recipe.recomputes = recomputes
    recipe.seed = 5
    let size = tiny.configuration["image_size"]?.int ?? 0
    let metadata = NativeMetadata(
      configuration: tiny.configuration, classes: data.classes,
      preprocessing: Preprocessing(imageSize: size).json)
    let run = RunConfiguration(
      recipe: recipe, data: "data", dataFingerprint: DataFingerprint.of(data), checkpoint: nil,
      metadata: metadata, exports: [], keepsDrloc: false)
    return try Trainer(
      folder: RunFolder.create(path, overwrite: false), configuration: run, weights: weights(tiny),
      data: data, engine: Engine(threads: threads))
  }

  @Test(arguments: networks)
  func fineTuningLowersBothLossesAndSurvivesEveryExport(_ tiny: Tiny) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let trainer = try Self.trainer(tiny, data, folder.file("run"), epochs: 24)
    var epochs: [EpochResult] = []
    try trainer.run(watch: { if case .epochEnded(let result) = $0 { epochs.append(result) } })
    // The mean of a few epochs at each end: single ones scatter.
    func mean(_ part: ArraySlice<EpochResult>, _ name: String) -> Double {
      part.reduce(0) { $0 + $1.mean(name) } / Double(part.count)
    }
    let (early, late) = (epochs.prefix(3), epochs.suffix(3))
    #expect(mean(late, "cross_entropy") < 0.9 * mean(early, "cross_entropy"))
    #expect(mean(late, "drloc") < 0.97 * mean(early, "drloc"))
    // Out to every dialect that can hold it, through the file its library writes, and back.
    let weights = trainer.model.parameters
    var native = try weights.store()
    native.filter { !$0.name.hasPrefix("drloc.") }
    let metadata = trainer.configuration.metadata
    var held = 0
    for file in try Dialects.all() where file.architecture == trainer.model.architecture {
      let exported: ExportedCheckpoint
      do {
        exported = try ExportedCheckpoint.make(native, metadata: metadata, dialect: file.dialect)
      } catch let failure as Failure {
        #expect(failure.hint != nil)
        continue
      }
      held += 1
      let path = folder.file("\(file.dialect).\(file.format.suffixes[0])")
      try CheckpointFile.write(exported.store, to: path)
      let back = try LoadedCheckpoint.load(path)
      #expect(back.dialect == file.dialect)
      // Training has no counters of batches; in dialects that have them they restart.
      let added = Set(back.native.names).subtracting(native.names)
      #expect(added.allSatisfy { $0.hasSuffix(".num_batches_tracked") }, "\(added)")
      for tensor in native.tensors {
        #expect(try back.native[tensor.name]?.bytes().array == tensor.bytes().array, "\(tensor.name)")
      }
      // The same configuration, so the same network.
      _ = try Models.make(
        back.metadata.configuration, weights: back.native, engine: Engine(threads: 1))
      for member in trainer.model.configuration.json.members ?? [] where member.key != "window_padding" {
        #expect(back.metadata.configuration[member.key]?.isSame(as: member.value) == true, "\(member.key)")
      }
    }
    #expect(held >= 1)
  }

  /// Threads and recomputation change no bit of the weights, the moments and the running statistics.
  @Test(arguments: networks)
  func threadsAndRecomputationChangeNoBit(_ tiny: Tiny) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let runs = try [(1, false), (2, false), (2, true)].enumerated().map { index, setting in
      let trainer = try Self.trainer(
        tiny, data, folder.file("run\(index)"), threads: setting.0, epochs: 2,
        recomputes: setting.1)
      try trainer.run()
      return try TrainerTests.bits(trainer)
    }
    #expect(runs[0].count > 20)
    #expect(runs[0] == runs[1], "1 and 2 threads")
    #expect(runs[0] == runs[2], "with and without recomputation")
  }

  /// A run that is stopped and resumed ends in the same bits, running statistics included.
  @Test(arguments: networks)
  func interruptedRunsResumeToTheSameBits(_ tiny: Tiny) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try Self.trainer(tiny, data, folder.file("whole"), epochs: 2)
    try whole.run()
    let path = folder.file("stopped")
    let first = try Self.trainer(tiny, data, path, epochs: 2)
    var asked = 0
    let failure = #expect(throws: Failure.self) {
      try first.run(shouldStop: {
        asked += 1
        return asked > 3
      })
    }
    #expect(failure?.kind == .interrupted)
    let second = try Trainer(
      resuming: RunFolder.open(path), data: data, engine: Engine(threads: 1))
    try second.run()
    #expect(try TrainerTests.bits(whole) == TrainerTests.bits(second))
  }

  /// Frozen batch norms keep their running statistics; others move them.
  @Test(arguments: [true, false])
  func batchNormsCanBeFrozen(_ freezes: Bool) throws {
    let tiny = try #require(Self.networks.first { $0.name == "resnet, basic" })
    let engine = Engine(threads: 2)
    let model = try Models.make(
      tiny.configuration, weights: nil, engine: engine,
      regularization: Regularization(freezesBatchNorm: freezes))
    let before = model.parameters["bn1.running_mean"].values
    let images = engine.tensor([Float](repeating: 0.3, count: 2 * 64 * 64 * 3), [2, 64, 64, 3])
    _ = model.forward(images, Tape(engine, recording: true, training: true))
    #expect((model.parameters["bn1.running_mean"].values == before) == freezes)
  }

  @Test func oneGridCannotBeMultiscale() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    var tiny = Self.networks[0]
    tiny.options.isMultiscale = true
    let failure = #expect(throws: Failure.self) {
      try Self.trainer(tiny, data, folder.file("run"), epochs: 1)
    }
    #expect(failure?.hint == "leave out --drloc-multiscale")
  }
}
