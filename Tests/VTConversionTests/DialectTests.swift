import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTConverters
import VTCore

@testable import VTConversion

struct DialectTests {
  static let cases = ReferenceCase.names(.network, .drlocModel)

  static func load(_ name: String) throws -> (ReferenceCase, StateDict, LoadedCheckpoint) {
    let reference = try ReferenceCase(name)
    let path = try reference.checkpointPath()
    let options = LoadOptions(configuration: reference.configuration)
    return (reference, try CheckpointFile.open(path), try LoadedCheckpoint.load(path, options))
  }

  @Test func everyRuleFileIsEmbedded() throws {
    let folder = Fixtures.root + "/converters"
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix("/schema.yaml") && !$0.hasPrefix("networks/") }
    let paths = Dictionary(uniqueKeysWithValues: files.map { (($0 as NSString).lastPathComponent, $0) })
    #expect(Set(paths.keys) == Set(EmbeddedConverters.files.map(\.name)))
    #expect(try Dialects.all().count == files.count)
    for file in EmbeddedConverters.files {
      let text = String(decoding: file.bytes, as: UTF8.self)
      let source = try #require(paths[file.name])
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: folder + "/" + source)) == Data(file.bytes), "\(file.name)")
      #expect(throws: Never.self) {
        try RuleFile(
          fileName: file.name, text: text, base: Dialects.base(of: file.name, text), validating: true)
      }
    }
  }

  @Test func everyPythonTemplateBelongsToARuleFileAndIsReadable() throws {
    let folder = Fixtures.root + "/converters"
    let templates = try FileManager.default.subpathsOfDirectory(atPath: folder).filter {
      $0.hasSuffix(".txt")
    }
    let used = try Dialects.all().filter { try !$0.pythonSnippets().isEmpty }
    #expect(
      Set(templates) == Set(used.map { "\($0.architecture)/\($0.architecture)-\($0.dialect).py.txt" }))
  }

  @Test(arguments: cases)
  func recognizesDialectAndConfiguration(_ name: String) throws {
    let reference = try ReferenceCase(name)
    // Only what the file cannot show is given.
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.notShown))
    #expect(loaded.dialect == reference.dialect)
    for member in reference.configuration.members ?? [] {
      let found = loaded.metadata.configuration[member.key]
      #expect(
        found?.isSame(as: member.value) == true,
        "\(member.key): \(found?.text() ?? "missing")")
    }
  }

  @Test(arguments: cases)
  func goesToNativeAndBackBitForBit(_ name: String) throws {
    let (reference, original, loaded) = try Self.load(name)
    let folder = try TemporaryFolder()
    let native = folder.file("native.safetensors")
    var metadata = loaded.metadata
    metadata.provenance = .object([
      "source_dialect": .string(loaded.dialect), "source_variant": .string(loaded.variant),
      "source_wildcards": .object(
        loaded.wildcards.map { JSON.Member(key: $0.key, value: .string($0.value)) }),
    ])
    try CheckpointFile.write(
      try ExportedCheckpoint.make(
        loaded.native, metadata: metadata, dialect: "native", keepsDrloc: true
      ).store,
      to: native)
    let again = try LoadedCheckpoint.load(native)
    #expect(again.dialect == "native")
    let suffix = (try reference.checkpointPath() as NSString).pathExtension
    let back = folder.file("back." + suffix)
    let exported = try ExportedCheckpoint.make(
      again.native, metadata: again.metadata, dialect: reference.dialect, variant: again.variant,
      wildcards: again.wildcards, keepsDrloc: true)
    try CheckpointFile.write(exported.store, to: back)
    let result = try CheckpointFile.open(back)
    // Buffers that follow from the configuration, and a training script's wrapper, are not written again.
    let left = loaded.lost
    let wrapper =
      ["model.", "state_dict_ema.", "model_weights/"].first { prefix in
        original.names.allSatisfy { $0.hasPrefix(prefix) }
      } ?? ""
    let kept = original.tensors.map { $0.renamed(String($0.name.dropFirst(wrapper.count))) }
      .filter { !left.contains($0.name) }
    #expect(Set(result.names) == Set(kept.map(\.name)))
    for tensor in kept {
      let other = try #require(result[tensor.name])
      #expect(other.type == tensor.type && other.shape == tensor.shape, "\(tensor.name)")
      #expect(try other.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
    if let layout = original.kerasLayout {
      // Layers without weights are not listed: no loader looks for them.
      let layers = layout.layers.map { layer in
        KerasLayout.Layer(
          name: layer.name, weights: layer.weights.filter { !left.contains(layer.name + "/" + $0) })
      }.filter { !$0.weights.isEmpty }
      #expect(result.kerasLayout?.layers == layers)
    }
    // Keras 3's numbers by class are told apart by the layers' own names.
    if name == "resnet_keras3_h5" { #expect(result.layerNames == original.layerNames) }
    // And the exported file is recognized and is the same network.
    let returned = try LoadedCheckpoint.load(back)
    #expect(returned.dialect == reference.dialect)
    for tensor in loaded.native.tensors {
      #expect(try returned.native[tensor.name]?.bytes().array == tensor.bytes().array)
    }
  }

  @Test(arguments: cases)
  func everyPairOfDialectsIsLossless(_ name: String) throws {
    let (reference, _, loaded) = try Self.load(name)
    var held = 0
    for file in try Dialects.all() where file.architecture == reference.architecture {
      let exported: ExportedCheckpoint
      do {
        exported = try ExportedCheckpoint.make(
          loaded.native, metadata: loaded.metadata, dialect: file.dialect, keepsDrloc: true)
      } catch let failure as Failure {
        // What cannot hold a network says why: a key that it fixes otherwise. Never a tensor for which it has no name.
        #expect(file.dialect != reference.dialect, "\(failure)")
        #expect(failure.hint != nil)
        #expect(failure.problem.hasPrefix("the dialect '\(file.dialect)' has "), "\(name): \(failure)")
        continue
      }
      held += 1
      let back = try LoadedCheckpoint.load(exported.store, LoadOptions(), path: nil)
      #expect(back.dialect == file.dialect)
      // The dialect may lack batch counters; if it has them, they restart.
      let omitted = Set(exported.omitted.map(\.name))
      let kept = Set(loaded.native.names).subtracting(omitted)
      #expect(omitted.allSatisfy { $0.hasSuffix(".num_batches_tracked") })
      #expect(kept.isSubset(of: back.native.names))
      #expect(
        Set(back.native.names).subtracting(kept).allSatisfy { $0.hasSuffix(".num_batches_tracked") },
        "\(file.dialect)")
      for tensor in loaded.native.tensors where kept.contains(tensor.name) {
        #expect(try back.native[tensor.name]?.bytes().array == tensor.bytes().array, "\(tensor.name)")
      }
    }
    #expect(held >= (reference.isAlone ? 1 : 2), "only \(held) dialects hold it")
  }

  /// Without a classifier a file is still its dialect's, and comes back bit for bit.
  @Test(arguments: cases)
  func networksWithoutAClassifierAreNetworks(_ name: String) throws {
    let (reference, _, loaded) = try Self.load(name)
    let dialect = try #require(
      try Dialects.all().first {
        $0.dialect == reference.dialect && $0.architecture == reference.architecture
      })
    guard dialect.presence.contains(where: { $0.key == "num_classes" }) else { return }
    let heads = ["head.", "head_dist.", "fc."]
    let native = try StateDict(
      loaded.native.tensors.filter { tensor in !heads.contains { tensor.name.hasPrefix($0) } })
    var metadata = loaded.metadata
    metadata.configuration = metadata.configuration.replacing(["num_classes": .int(0)])
    if metadata.configuration["pooling"]?.string == "cls_and_distillation" {
      metadata.configuration = metadata.configuration.replacing(["pooling": .string("cls")])
    }
    let exported = try ExportedCheckpoint.make(
      native, metadata: metadata, dialect: dialect.dialect, keepsDrloc: false)
    var bare = exported.store
    bare.metadata = [:]
    let given =
      metadata.configuration.members?.filter { $0.key != "num_classes" && $0.key != "pooling" } ?? []
    let back = try LoadedCheckpoint.load(bare, LoadOptions(configuration: .object(given)), path: nil)
    // A dialect that another one extends by a head has that one's names without it.
    #expect([dialect.dialect, dialect.base].contains(back.dialect))
    #expect(back.metadata.configuration["num_classes"]?.int == 0)
    let counters = Set(native.names.filter { $0.hasSuffix(".num_batches_tracked") })
    #expect(
      Set(back.native.names).subtracting(counters)
        == Set(native.names).subtracting(counters).filter { !$0.hasPrefix("drloc.") })
    for tensor in native.tensors where !counters.contains(tensor.name) && !tensor.name.hasPrefix("drloc.") {
      #expect(try back.native[tensor.name]?.bytes().array == tensor.bytes().array, "\(tensor.name)")
    }
  }

  /// What a file would be taken for counts, not only what it holds.
  @Test func networksThatWouldBeTakenForOthersAreRefused() throws {
    let (_, _, loaded) = try Self.load("vit_timm_no_embed_class")
    var metadata = loaded.metadata
    let inBigVision = try ExportedCheckpoint.make(
      loaded.native, metadata: Self.withActivation("gelu_tanh", metadata), dialect: "big-vision",
      keepsDrloc: false)
    #expect(inBigVision.store["params/cls"] != nil)
    metadata.configuration = metadata.configuration.replacing(["pooling": .string("mean")])
    let failure = #expect(throws: Failure.self) {
      try ExportedCheckpoint.make(loaded.native, metadata: metadata, dialect: "big-vision", keepsDrloc: false)
    }
    #expect(failure?.problem == "the dialect 'big-vision' has pooling = \"cls\", the network \"mean\"")
  }

  private static func withActivation(_ activation: String, _ metadata: NativeMetadata) -> NativeMetadata {
    var metadata = metadata
    metadata.configuration = metadata.configuration.replacing(["activation": .string(activation)])
    return metadata
  }

  @Test func readsBothNumberings() throws {
    let (_, original, loaded) = try Self.load("vit_jax_npz")
    let linen = try StateDict(
      original.tensors.map { tensor in
        tensor.renamed(
          tensor.name.replacing("MultiHeadDotProductAttention_1", with: "MultiHeadDotProductAttention_0")
            .replacing("LayerNorm_2", with: "LayerNorm_1").replacing("MlpBlock_3", with: "MlpBlock_0"))
      })
    let other = try LoadedCheckpoint.load(linen, LoadOptions(), path: nil)
    #expect(loaded.variant == "released" && other.variant == "linen")
    for tensor in loaded.native.tensors {
      #expect(try other.native[tensor.name]?.bytes().array == tensor.bytes().array)
    }
  }

  // MARK: What does not add up

  private func broken(_ change: (inout [StoredTensor]) -> Void) throws -> Failure? {
    let original = try CheckpointFile.open(ReferenceCase("vit_jax_npz").checkpointPath())
    var tensors = original.tensors
    change(&tensors)
    let store = try StateDict(tensors)
    return #expect(throws: Failure.self) {
      try LoadedCheckpoint.load(store, LoadOptions(), path: nil)
    }
  }

  @Test func everyMissingUnexpectedAndMisshapenTensorIsNamed() throws {
    let failure = try broken { tensors in
      let at = tensors.firstIndex { $0.name.hasSuffix("encoderblock_1/LayerNorm_0/bias") }!
      tensors[at].name = "Transformer/encoderblock_1/LayerNorm_0/bais"
      let head = tensors.firstIndex { $0.name == "Transformer/encoderblock_0/LayerNorm_2/scale" }!
      tensors[head] = StoredTensor(
        name: tensors[head].name, shape: [47], values: [Float](repeating: 0, count: 47))
      tensors.append(StoredTensor(name: "extra", shape: [1], values: [0]))
    }
    let text = failure?.description ?? ""
    #expect(text.contains("missing (1):\n  Transformer/encoderblock_1/LayerNorm_0/bias"))
    #expect(text.contains("is it 'Transformer/encoderblock_1/LayerNorm_0/bais'?"))
    #expect(text.contains("unexpected (2):"))
    #expect(text.contains("Transformer/encoderblock_0/LayerNorm_2/scale is [47], needs [48]"))
  }

  @Test func exemptionsAreNamedOneByOne() throws {
    let path = try ReferenceCase("vit_jax_npz").checkpointPath()
    var store = try CheckpointFile.open(path)
    try store.append(StoredTensor(name: "opt/step", shape: [1], values: [3]))
    #expect(throws: Failure.self) { try LoadedCheckpoint.load(store, LoadOptions(), path: nil) }
    let loaded = try LoadedCheckpoint.load(store, LoadOptions(ignore: ["opt/*"]), path: nil)
    #expect(loaded.ignored.map(\.name) == ["opt/step"])
    var without = store
    without.filter { $0.name != "head/bias" && $0.name != "opt/step" }
    let allowed = try LoadedCheckpoint.load(
      without, LoadOptions(allowMissing: ["head/bias"]), path: nil)
    #expect(allowed.native["head.bias"] == nil && allowed.native.count == loaded.native.count - 1)
  }

  @Test func aContradictingConfigurationIsAnError() throws {
    let path = try ReferenceCase("vit_jax_npz").checkpointPath()
    let failure = #expect(throws: Failure.self) {
      try LoadedCheckpoint.load(path, LoadOptions(configuration: .object(["num_heads": .int(4)])))
    }
    #expect(failure?.problem == "the configuration says num_heads = 4, the tensors say 3")
  }

  @Test func unknownDialectsAreExplained() throws {
    let store = try StateDict([StoredTensor(name: "w", shape: [2], values: [1, 2])])
    let failure = #expect(throws: Failure.self) {
      try LoadedCheckpoint.load(store, LoadOptions(), path: nil)
    }
    #expect(failure?.problem.contains("no known dialect") == true)
    let typo = #expect(throws: Failure.self) { try Dialects.named("jax-vti", architecture: nil) }
    #expect(typo?.hint?.contains("jax-vit") == true)
  }

  @Test func halfPrecisionMovesUntouched() throws {
    let original = try CheckpointFile.open(ReferenceCase("vit_jax_npz").checkpointPath())
    for type in [ElementType.bf16, .f16, .f64] {
      var store = original
      store.mapTensors { $0.converted(to: type) }
      let loaded = try LoadedCheckpoint.load(store, LoadOptions(), path: nil)
      #expect(loaded.native.tensors.allSatisfy { $0.type == type })
      let back = try ExportedCheckpoint.make(
        loaded.native, metadata: loaded.metadata, dialect: "jax-vit")
      for tensor in store.tensors {
        #expect(try back.store[tensor.name]?.bytes().array == tensor.bytes().array)
      }
    }
  }
}

extension LoadedCheckpoint {
  /// Names of tensors that were left out and that no export makes again.
  var lost: Set<String> {
    let madeAgain = ComputedTensor.Kind.allCases.map(\.reason)
    return Set(ignored.filter { !madeAgain.contains($0.reason) }.map(\.name))
  }
}
