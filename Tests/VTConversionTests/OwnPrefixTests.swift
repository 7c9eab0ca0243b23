import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// Networks under names of the users' own: attributes of a Lightning module, layers of a Keras model.
struct OwnPrefixTests {
  private static let heads = JSON.object(["num_heads": .int(3)])

  private func store(_ parts: [(prefix: String, tensors: [StoredTensor])]) throws -> StateDict {
    try StateDict(parts.flatMap { part in part.tensors.map { $0.renamed(part.prefix + $0.name) } })
  }

  private func load(_ store: StateDict, key: String? = nil, from: String? = nil) throws
    -> LoadedCheckpoint
  {
    try LoadedCheckpoint.load(
      store,
      LoadOptions(
        architecture: from == nil ? nil : "vit", dialect: from, key: key, configuration: Self.heads),
      path: nil)
  }

  private func extra(_ name: String) -> StoredTensor { StoredTensor(name: name, shape: [2], values: [1, 2]) }

  private func expectSame(_ a: LoadedCheckpoint, _ b: LoadedCheckpoint) throws {
    #expect(Set(a.native.names) == Set(b.native.names))
    for tensor in a.native.tensors {
      #expect(try tensor.bytes().array == b.native[tensor.name]?.bytes().array, "\(tensor.name)")
    }
  }

  @Test(arguments: [
    "vit.", "state_dict.vit.", "state_dict.lit.inner.vit.", "params/my_vit/", "left/right.vit.",
  ])
  func aPrefixUnderWhichADialectFitsIsTaken(_ prefix: String) throws {
    let (_, original, loaded) = try DialectTests.load("vit_timm_safetensors")
    let file = try store([(prefix, original.tensors), ("state_dict.", [extra("criterion.weight")])])
    let found = try load(file)
    #expect(found.dialect == "timm")
    #expect(found.ignored.map(\.name) == ["state_dict.criterion.weight"])
    #expect(found.ignored[0].reason.contains("'\(prefix.dropLast())'"))
    try expectSame(found, loaded)
    try expectSame(load(file, from: "timm"), loaded)
    // The key is found wherever it is.
    try expectSame(
      load(file, key: prefix.dropLast().split { $0 == "." || $0 == "/" }.last.map(String.init)), loaded)
    try expectSame(load(file, key: String(prefix.dropLast())), loaded)
  }

  @Test func averagedWeightsAreTakenUnderOwnNamesToo() throws {
    let (_, original, _) = try DialectTests.load("vit_timm_safetensors")
    let averaged = try original.tensors.map { tensor in
      let values = try tensor.floats().map { $0 + 1 }
      return StoredTensor(name: tensor.name, shape: tensor.shape, values: values)
    }
    let file = try store([("state_dict.vit.", original.tensors), ("state_dict_ema.vit.", averaged)])
    let found = try load(file)
    #expect(try found.native.values("head.weight") == averaged.first { $0.name == "head.weight" }?.floats())
    let failure = #expect(throws: Failure.self) { try load(file, key: "vit") }
    #expect(failure?.kind == .usage && failure?.hint?.contains("'state_dict_ema.vit'") == true)
  }

  /// Averaged weights beside plain ones: a note says which were taken, and how to take the others.
  @Test func copiesUnderKnownKeysAreTold() throws {
    let (_, original, _) = try DialectTests.load("vit_timm_safetensors")
    let file = try store([("model.", original.tensors), ("model_ema.", original.tensors)])
    let note = try load(file).notes.first { $0.text.contains("model_ema") && $0.kind == .taken }
    #expect(
      note?.text
        == "the weights under 'model_ema' were taken; the file has the same tensors under 'model' too (--key model takes them)"
    )
    #expect(try !load(file, key: "model").notes.contains { $0.kind == .taken })
    #expect(try !load(store([("model.", original.tensors)])).notes.contains { $0.kind == .taken })
  }

  @Test func severalNetworksAreNamedWithTheirKeys() throws {
    let (_, original, _) = try DialectTests.load("vit_timm_safetensors")
    let file = try store([("left.", original.tensors), ("right.", original.tensors)])
    let failure = #expect(throws: Failure.self) { try load(file) }
    let count = original.count
    for key in ["left", "right"] {
      #expect(
        failure?.hint?.contains(
          "with --key \(key), \(count) of \(count) tensors are a vit in the dialect timm") == true,
        "\(failure?.hint ?? "")")
    }
  }

  @Test func aPrefixUnderWhichADialectNearlyFitsIsProposed() throws {
    let (_, original, _) = try DialectTests.load("vit_timm_safetensors")
    let file = try store([("vit.", original.tensors + [extra("neck.weight")])])
    let failure = #expect(throws: Failure.self) { try load(file) }
    #expect(
      failure?.hint
        == "under 'vit', \(original.count) of \(original.count + 1) tensors have names of a vit in the dialect timm, but the network is incomplete (--key vit --from timm --architecture vit shows why)"
    )
    // What is proposed does that.
    let proposed = LoadOptions(architecture: "vit", dialect: "timm", key: "vit", configuration: Self.heads)
    let told = #expect(throws: Failure.self) { try LoadedCheckpoint.load(file, proposed, path: nil) }
    #expect(told?.problem.contains("neck.weight") == true)
    let options = LoadOptions(key: "vit", configuration: Self.heads, ignore: ["neck.*"])
    #expect(try LoadedCheckpoint.load(file, options, path: nil).native.count > 20)
    let taken = try LoadedCheckpoint.load(
      file, LoadOptions(configuration: Self.heads, ignore: ["neck.*"]), path: nil)
    #expect(taken.dialect == "timm")
  }

  @Test func aNetworkThatVTKitDoesNotHaveIsNamedUnderAPrefixToo() throws {
    let (_, original, _) = try DialectTests.load("swin_timm_safetensors")
    // What tells a Swin V2 from a Swin.
    let more = original.tensors.filter { $0.name.hasSuffix("relative_position_bias_table") }.flatMap {
      tensor in
      let block = tensor.name.replacing("relative_position_bias_table", with: "")
      return ["logit_scale", "q_bias", "v_bias", "cpb_mlp.0.weight", "cpb_mlp.0.bias", "cpb_mlp.2.weight"].map
      {
        extra(block + $0)
      }
    }
    let kept = original.tensors.filter { !$0.name.hasSuffix("relative_position_bias_table") }
    let failure = #expect(throws: Failure.self) { try load(store([("net_of_mine.", kept + more)])) }
    #expect(failure?.problem.contains("Swin V2") == true, "\(failure?.description ?? "")")
  }

  // MARK: Keras

  /// A Keras 2 file in which the network is one layer of a larger model, with a new head on top.
  private func nested(
    _ name: String, without head: String, as layer: String, suffix: String = ":0"
  ) throws -> (StateDict, LoadedCheckpoint) {
    let original = try CheckpointFile.open(Fixtures.reference + "/\(name)/checkpoint.h5")
    let layers = try #require(original.kerasLayout?.layers)
    var result = StateDict()
    var weights: [String] = []
    var bare = original
    bare.filter { !$0.name.hasPrefix(head + "/") }
    for own in layers where own.name != head {
      for weight in own.weights {
        let tensor = try #require(original["\(own.name)/\(weight)"])
        let short = weight.replacing(":0", with: suffix)
        weights.append(short)
        try result.append(tensor.renamed("\(layer)/\(short)"))
      }
    }
    let dense = ["dense/kernel" + suffix, "dense/bias" + suffix]
    for weight in dense { try result.append(extra("dense/" + weight)) }
    result.kerasLayout = KerasLayout(
      layers: [
        .init(name: "input_1", weights: []), .init(name: layer, weights: weights),
        .init(name: "flatten", weights: []),
        .init(name: "dense", weights: dense),
      ], attributes: ["backend": "tensorflow"])
    let options = LoadOptions(configuration: name.hasPrefix("vit") ? Self.heads4 : nil)
    return (result, try LoadedCheckpoint.load(bare, options, path: nil))
  }

  private static let heads4 = JSON.object(["num_heads": .int(4)])

  @Test(arguments: [
    ("vit_keras_pkg_h5", "head", "vit-b16", ":0"),
    ("resnet_keras_legacy_h5", "predictions", "resnet50", ":0"),
    ("vit_keras_pkg_h5", "head", "backbone", ""), ("resnet_keras_legacy_h5", "predictions", "model_1", ""),
  ])
  func aModelThatIsALayerOfAnotherIsFound(_ name: String, _ head: String, _ layer: String, _ suffix: String)
    throws
  {
    let (store, expected) = try nested(name, without: head, as: layer, suffix: suffix)
    let folder = try TemporaryFolder()
    try CheckpointFile.write(store, to: folder.file("n.h5"))
    for (key, from) in [(nil, nil), (layer, nil), (nil, expected.dialect), (layer, expected.dialect)]
      as [(String?, String?)]
    {
      let options = LoadOptions(
        dialect: from, key: key, configuration: name.hasPrefix("vit") ? Self.heads4 : nil)
      let found = try LoadedCheckpoint.load(folder.file("n.h5"), options)
      #expect(found.dialect == expected.dialect)
      #expect(found.metadata.configuration["num_classes"]?.int == 0)
      #expect(found.ignored.map(\.name).filter { $0.hasPrefix("dense/") }.count == 2)
      try expectSame(found, expected)
    }
  }

  @Test(arguments: ["layers/functional/", "layers/sequential_1/layers/functional_3/"])
  func keras3sLayersAreFoundAtAnyDepth(_ prefix: String) throws {
    for name in ["vit_keras_pkg_keras3_h5", "resnet_keras3_h5"] {
      let original = try CheckpointFile.open(Fixtures.reference + "/\(name)/checkpoint.weights.h5")
      var inner = try store([(prefix, original.tensors), ("layers/dense/vars/", [extra("0"), extra("1")])])
      for (tensor, layer) in original.layerNames { inner.layerNames[prefix + tensor] = layer }
      let options = LoadOptions(configuration: name.hasPrefix("vit") ? Self.heads : nil)
      let expected = try LoadedCheckpoint.load(original, options, path: nil)
      let found = try LoadedCheckpoint.load(inner, options, path: nil)
      #expect(found.dialect == expected.dialect)
      try expectSame(found, expected)
    }
  }

  @Test(arguments: [
    ("vit_keras_pkg_keras3_h5", "vit-keras", "keras-3"), ("vit_keras_hub_h5", "keras-hub", "whole"),
  ])
  func keras3sWholeModelInHDF5IsTheSameNetwork(_ name: String, _ dialect: String, _ variant: String) throws {
    let folder = Fixtures.reference + "/\(name)/"
    let options = LoadOptions(configuration: Self.heads)
    let whole = try LoadedCheckpoint.load(folder + "checkpoint_full.h5", options)
    #expect(whole.dialect == dialect && whole.variant == variant)
    try expectSame(whole, LoadedCheckpoint.load(folder + "checkpoint.weights.h5", options))
    // It goes back as it came: the same weights of the same layers.
    let original = try CheckpointFile.open(folder + "checkpoint_full.h5")
    let exported = try ExportedCheckpoint.make(
      whole.native, metadata: whole.metadata, dialect: dialect, variant: variant, wildcards: whole.wildcards,
      keepsDrloc: false)
    func weights(_ store: StateDict) -> [[String]] {
      (store.kerasLayout?.layers ?? []).map { layer in
        layer.weights.map { "\(layer.name)/\($0)".replacing(":0", with: "") }.sorted()
      }.filter { !$0.isEmpty }
    }
    #expect(weights(exported.store) == weights(original))
  }

  @Test func keras3sNamesWithoutNumbersAreRead() throws {
    let original = try CheckpointFile.open(Fixtures.reference + "/resnet_keras_legacy_h5/checkpoint.h5")
    var layout = try #require(original.kerasLayout)
    var store = original
    store.mapTensors { $0.renamed(String($0.name.dropLast(2))) }
    layout.layers = layout.layers.map {
      KerasLayout.Layer(name: $0.name, weights: $0.weights.map { String($0.dropLast(2)) })
    }
    store.kerasLayout = layout
    try expectSame(
      LoadedCheckpoint.load(store, LoadOptions(), path: nil),
      LoadedCheckpoint.load(original, LoadOptions(), path: nil))
  }
}
