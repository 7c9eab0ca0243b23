import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTConversion
import VTCore

@testable import VTTensor
@testable import VTModels

struct ViTTests {
  /// Activation and eps matter at a scale that the parity tolerance alone would let through.
  @Test func activationAndEpsComeFromTheConfiguration() throws {
    let configurations = try ["vit_jax_npz", "vit_timm_safetensors", "vit_hf_tf_h5"].map {
      try ViTConfiguration(NetworkTests.model(ReferenceCase($0), Engine(threads: 1)).configuration.json)
    }
    #expect(configurations.map(\.activation) == [.geluTanh, .gelu, .gelu])
    #expect(configurations.map(\.normEps) == [1e-6, 1e-6, 1e-12])
  }

  @Test func meanPoolingAveragesThePatches() throws {
    let reference = try ReferenceCase("vit_timm_safetensors")
    let engine = Engine(threads: 1)
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    var shape = try ViTConfiguration(loaded.metadata.configuration)
    shape.pooling = .mean
    let model = try ViT(shape, weights: loaded.native, engine: engine)
    let tape = Tape(engine, recording: false)
    let output = model.forward(try NetworkTests.images(reference.arrays(), engine), tape)
    // The same by hand: norm each patch token, average, apply the head.
    let tokens = output.finalGrid.tokens
    let p = model.parameters
    let normed = tape.layerNorm(
      tokens, gamma: p["norm.weight"], beta: p["norm.bias"], eps: 1e-6
    ).values
    let (t, d) = (tokens.shape[1], tokens.shape[2])
    var mean = [Float](repeating: 0, count: 3 * d)
    for n in 0..<3 {
      for token in 1..<t {
        for c in 0..<d { mean[n * d + c] += normed[(n * t + token) * d + c] / Float(t - 1) }
      }
    }
    let expected = tape.linear(
      engine.tensor(mean, [3, d]), weight: p["head.weight"], bias: p["head.bias"])
    expectCloseToLargest(output.logits.values, expected.values, 1e-5)
  }

  @Test func weightsThatDoNotFitAreAllNamed() throws {
    let preset = try Models.named("vit_tiny_patch16_224")
    let store = try StateDict([
      StoredTensor(name: "cls_token", shape: [1, 1, 5], values: [0, 0, 0, 0, 0])
    ])
    let failure = #expect(throws: Failure.self) {
      try Models.make(preset.configuration, weights: store, engine: Engine(threads: 1))
    }
    #expect(failure?.problem.contains("misshapen cls_token [1, 1, 5], the network has [1, 1, 192]") == true)
    #expect(failure?.problem.contains("missing blocks.11.mlp.fc2.bias [192]") == true)
  }

  @Test func tensorsWithoutAPlaceAreNamed() throws {
    let reference = try ReferenceCase("vit_jax_npz")
    var loaded = try LoadedCheckpoint.load(reference.checkpointPath())
    try loaded.native.append(StoredTensor(name: "blocks.2.norm1.weight", shape: [1], values: [1]))
    let failure = #expect(throws: Failure.self) {
      try Models.make(
        loaded.metadata.configuration, weights: loaded.native, engine: Engine(threads: 1))
    }
    #expect(failure?.problem == "the network has no place for 1 tensor: blocks.2.norm1.weight")
  }

  @Test(arguments: [
    ("image_size", JSON.list([224, 448]), "not a positive integer: VTKit's networks are square"),
    ("patch_size", .int(9), "image_size 224 is not a multiple of patch_size 9"),
    ("num_heads", .int(0), "'num_heads' is 0, not a positive integer"),
    (
      "activation", .string("swish"),
      "'activation' is \"swish\", not one of 'none', 'gelu', 'gelu_tanh', 'quick_gelu', 'relu', 'tanh'"
    ),
    ("depht", .int(3), "unknown: 'depht' (is it 'depth'?)"),
    ("pooling", .string("cls_and_distillation"), "pooling 'cls_and_distillation' needs a distillation token"),
    ("pooling", .string("map"), "pooling 'map' goes without a class token"),
    (
      "position_embedding_covers_registers", .bool(true),
      "position_embedding_covers_registers, but num_registers is 0"
    ),
    ("num_registers", .int(-1), "'num_registers' is -1, not 0 or a positive integer"),
    ("norm_after_pooling", .bool(true), "norm_after_pooling goes with pooling 'mean'"),
    ("num_classes", .int(-1), "'num_classes' is -1, not 0 or a positive integer"),
  ])
  func badConfigurationsAreExplained(_ key: String, _ value: JSON, _ message: String) throws {
    let preset = try Models.named("vit_tiny_patch16_224")
    var members = (preset.configuration.members ?? []).filter { $0.key != key }
    members.append(JSON.Member(key: key, value: value))
    let failure = #expect(throws: Failure.self) { try ViTConfiguration(.object(members)) }
    #expect(failure?.problem.contains(message) == true, "\(failure?.problem ?? "")")
  }
}
