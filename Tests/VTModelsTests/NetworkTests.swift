import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTConversion
import VTCore

@testable import VTTensor
@testable import VTModels

/// Every network against the library that its reference case comes from.
struct NetworkTests {
  /// Images `[N, 3, H, W]` of a reference case as the engine wants them.
  static func images(_ arrays: StateDict, _ engine: Engine) throws -> Tensor {
    let stored = try #require(arrays["input"])
    return engine.images(nchw: try stored.floats(), stored.shape)
  }

  static func model(_ reference: ReferenceCase, _ engine: Engine) throws -> any VisionModel {
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    return try Models.make(
      loaded.metadata.configuration, weights: loaded.native, engine: engine)
  }

  static let cases = ReferenceCase.names(.network)

  @Test(arguments: cases, Engine.supportedInstructions)
  func computesWhatTheSourceLibraryDoes(_ name: String, _ instructions: InstructionSet) throws {
    let reference = try ReferenceCase(name)
    let engine = Engine(threads: 2, instructions: instructions)
    let model = try Self.model(reference, engine)
    let arrays = try reference.arrays()
    let tape = Tape(engine, recording: false)
    let output = model.forward(try Self.images(arrays, engine), tape)
    expectCloseToLargest(output.logits.values, try arrays.values("logits"), 2e-5, "logits")
    if arrays["tokens"] != nil {
      expectCloseToLargest(output.tokens.values, try arrays.values("tokens"), 2e-5, "tokens")
    }
    #expect(output.grids.map(\.side) == model.gridSides)
    for (grid, channels) in zip(output.grids, model.gridChannels) {
      #expect(grid.values.count == 3 * grid.side * grid.side * channels)
    }
  }

  @Test(arguments: cases)
  func threadsChangeNoBit(_ name: String) throws {
    let reference = try ReferenceCase(name)
    let arrays = try reference.arrays()
    let logits = try [1, 2].map { threads in
      let engine = Engine(threads: threads)
      let tape = Tape(engine, recording: false)
      return try Self.model(reference, engine).forward(Self.images(arrays, engine), tape).logits.values
    }
    #expect(logits[0] == logits[1])
  }

  /// The libraries pad in front of every stride of a hybrid's ResNet, as TensorFlow does.
  @Test(arguments: ReferenceCase.names(.networkSizes), Engine.supportedInstructions)
  func hybridsTakeImagesThatTheirStridesDoNotDivide(_ name: String, _ instructions: InstructionSet) throws {
    let sizes = try ReferenceCase(name)
    let arrays = try sizes.arrays()
    let reference = try ReferenceCase(try #require(sizes.document["of"]?.string))
    let table = try #require(arrays["pos_embed"])
    let file = try CheckpointFile.open(reference.checkpointPath())
    let store = try StateDict(
      file.tensors.map {
        $0.name.hasSuffix("pos_embed") || $0.name.hasSuffix("pos_embedding") ? table.renamed($0.name) : $0
      })
    for size in try #require(sizes.document["sizes"]?.array).compactMap(\.int) {
      let configuration = reference.configuration.replacing(["image_size": .int(size)])
      let loaded = try LoadedCheckpoint.load(store, LoadOptions(configuration: configuration), path: nil)
      #expect(loaded.metadata.configuration["image_size"]?.int == size)
      let engine = Engine(threads: 2, instructions: instructions)
      let model = try Models.make(loaded.metadata.configuration, weights: loaded.native, engine: engine)
      #expect(model.gridSides == [5])
      let input = try #require(arrays["input_\(size)"])
      let images = engine.images(nchw: try input.floats()[...], input.shape)
      let output = model.forward(images, Tape(engine, recording: false))
      expectCloseToLargest(output.logits.values, try arrays.values("logits_\(size)"), 2e-5, "at \(size)")
    }
  }

  /// Tables resampled to another image and window size, against the libraries' own loaders.
  @Test(arguments: ReferenceCase.names(.resizedNetwork))
  func computesTheSameAtAnotherSize(_ name: String) throws {
    let reference = try ReferenceCase(name)
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    let source = try #require(reference.document["source_config"])
    let sizes = ["image_size": source["target_image_size"], "window_size": source["target_window_size"]]
    let configuration = JSON.object(
      (loaded.metadata.configuration.members ?? []).map { member in
        JSON.Member(key: member.key, value: (sizes[member.key] ?? nil) ?? member.value)
      })
    let declarations = try Models.parameterDeclarations(configuration)
    let weights = try Resampling.resize(
      loaded.native, architecture: configuration["architecture"]?.string ?? "",
      configuration: configuration,
      shapes: Dictionary(uniqueKeysWithValues: declarations.map { ($0.name, $0.shape) })
    ).store
    let engine = Engine(threads: 2)
    let model = try Models.make(configuration, weights: weights, engine: engine)
    let arrays = try reference.arrays()
    let output = model.forward(
      try Self.images(arrays, engine), Tape(engine, recording: false))
    expectCloseToLargest(output.logits.values, try arrays.values("logits"), 2e-5, "logits")
    expectCloseToLargest(output.tokens.values, try arrays.values("tokens"), 2e-5, "tokens")
  }

  @Test(arguments: Models.all.map(\.name))
  func namedNetworksHaveTheirParameterCounts(_ name: String) throws {
    let preset = try Models.named(name)
    let declarations = try Models.parameterDeclarations(preset.configuration)
    let counted = declarations.filter { !$0.isRunningStatistic }
    #expect(counted.reduce(0) { $0 + $1.count } == preset.parameterCount)
    #expect(Set(declarations.map(\.name)).count == declarations.count)
  }
}
