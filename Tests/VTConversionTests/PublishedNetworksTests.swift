import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// What no tensor shows: taken from published networks of the same sizes, or asked for.
struct PublishedNetworksTests {
  /// A timm ViT of one kind by its shapes alone.
  struct Shape {
    var width: Int
    var depth = 12
    var mlp: Int?
    var patch = 16
    var classToken = true
    var norms = ["norm"]
    var qkvBias = true
    var positions: [Float]?

    func store(prefix: String = "") throws -> StateDict {
      var store = StateDict()
      func add(_ name: String, _ shape: [Int], _ values: [Float]? = nil) throws {
        if let values {
          try store.append(StoredTensor(name: prefix + name, shape: shape, values: values))
          return
        }
        try store.append(
          StoredTensor(name: prefix + name, type: .f32, shape: shape) {
            throw Failure("no numbers are needed")
          })
      }
      func linear(_ name: String, _ inputs: Int, _ outputs: Int) throws {
        try add(name + ".weight", [outputs, inputs])
        try add(name + ".bias", [outputs])
      }
      func norm(_ name: String) throws {
        for part in ["weight", "bias"] { try add("\(name).\(part)", [width]) }
      }
      let hidden = mlp ?? 4 * width
      let rows = 16 + (classToken ? 1 : 0)
      if classToken { try add("cls_token", [1, 1, width]) }
      try add(
        "pos_embed", [1, rows, width], positions ?? (0..<rows * width).map { Float($0 % 7) * 0.01 })
      try add("patch_embed.proj.weight", [width, 3, patch, patch])
      if !norms.contains("norm_pre") { try add("patch_embed.proj.bias", [width]) }
      for block in 0..<depth {
        let name = "blocks.\(block)."
        try norm(name + "norm1")
        try add(name + "attn.qkv.weight", [3 * width, width])
        if qkvBias { try add(name + "attn.qkv.bias", [3 * width]) }
        try linear(name + "attn.proj", width, width)
        try norm(name + "norm2")
        try linear(name + "mlp.fc1", width, hidden)
        try linear(name + "mlp.fc2", hidden, width)
      }
      for name in norms { try norm(name) }
      try linear("head", width, 10)
      return store
    }
  }

  private func load(_ store: StateDict, _ configuration: JSON? = nil) throws -> LoadedCheckpoint {
    var loaded = try LoadedCheckpoint.load(store, LoadOptions(configuration: configuration), path: nil)
    // Images are another matter.
    loaded.notes.removeAll { ["preprocessing", "image_size"].contains($0.key) }
    return loaded
  }

  @Test(arguments: [
    (192, 12, 768, 16, 3), (384, 12, 1536, 8, 6), (512, 12, 2048, 16, 8), (768, 12, 3072, 32, 12),
    (896, 12, 3584, 16, 14), (1024, 24, 4096, 14, 16), (1152, 27, 4304, 14, 16), (1280, 32, 5120, 14, 16),
    (1408, 40, 6144, 14, 16), (1664, 48, 8192, 14, 16), (640, 12, 2560, 16, 10), (64, 6, 192, 16, 2),
  ])
  func publishedSizesTellTheHeads(_ width: Int, _ depth: Int, _ mlp: Int, _ patch: Int, _ heads: Int) throws {
    let loaded = try load(Shape(width: width, depth: depth, mlp: mlp, patch: patch).store())
    #expect(loaded.metadata.configuration["num_heads"] == .int(heads))
    #expect(loaded.metadata.configuration["head_dim"] == .int(width / heads))
    // One fact, one note, which claims no more than it knows.
    #expect(loaded.notes.map(\.key) == ["num_heads"])
    #expect(loaded.notes[0].kind == .assumed)
    #expect(
      loaded.notes[0].text.hasPrefix(
        "num_heads = \(heads): the file does not record it; the shapes are those of"))
  }

  @Test(arguments: [
    Shape(width: 1152, depth: 1, patch: 14), Shape(width: 1280, depth: 1, patch: 14),
    Shape(width: 128, depth: 4),
    Shape(width: 384, depth: 6), Shape(width: 384, mlp: 768), Shape(width: 384, patch: 4), Shape(width: 48),
  ])
  func otherSizesAreAskedFor(_ shape: Shape) throws {
    let failure = #expect(throws: Failure.self) { try load(shape.store()) }
    #expect(
      failure?.problem.contains("the tensors do not show num_heads, and no published network has") == true)
    #expect(failure?.problem.contains("embed_dim \(shape.width)") == true)
    #expect(failure?.hint?.contains("--num-heads N") == true)
    let given = try load(shape.store(), .object(["num_heads": .int(4)]))
    #expect(given.metadata.configuration["head_dim"] == .int(shape.width / 4) && given.notes.isEmpty)
    let wrong = #expect(throws: Failure.self) { try load(shape.store(), .object(["num_heads": .int(7)])) }
    #expect(wrong?.problem.contains("num_heads = 7") == true, "\(wrong?.problem ?? "")")
  }

  @Test func oneHeadIsTakenWhereThereIsRoomForOne() throws {
    let loaded = try load(Shape(width: 64, depth: 2, patch: 8).store())
    #expect(loaded.metadata.configuration["num_heads"] == .int(1))
    #expect(loaded.notes.map(\.key) == ["num_heads"])
  }

  // MARK: MoCo v3's small ViT has the shapes of others' and twice the heads.

  /// The fixed table of MAE (columns first) or MoCo v3 (rows first), a row of zeros in front.
  static func fixedTable(width: Int, side: Int, columnFirst: Bool) -> [Float] {
    var table = [Float](repeating: 0, count: width)
    let omega = (0..<width / 4).map { 1 / pow(10000, Double($0) / Double(width / 4)) }
    for y in 0..<side {
      for x in 0..<side {
        for place in columnFirst ? [x, y] : [y, x] {
          table += omega.map { Float(sin(Double(place) * $0)) } + omega.map { Float(cos(Double(place) * $0)) }
        }
      }
    }
    return table
  }

  @Test(arguments: [true, false])
  func fixedPositionsAreSeen(_ columnFirst: Bool) throws {
    var values = Self.fixedTable(width: 16, side: 5, columnFirst: columnFirst)
    let table = StoredTensor(name: "pos_embed", shape: [1, 26, 16], values: values)
    #expect(try FixedPositions.isFixed(table))
    #expect(try FixedPositions.isFixed(table.converted(to: .f16)))
    values[200] += 0.01
    #expect(try !FixedPositions.isFixed(StoredTensor(name: "pos_embed", shape: [26, 16], values: values)))
  }

  @Test func aSmallViTWithFixedPositionsIsAskedAbout() throws {
    let fixed = Self.fixedTable(width: 384, side: 4, columnFirst: false)
    let store = try Shape(width: 384, positions: fixed).store()
    let failure = #expect(throws: Failure.self) { try load(store) }
    #expect(
      failure?.problem.contains("ViT-S has 6, MoCo v3's ViT-S has 12") == true, "\(failure?.problem ?? "")")
    // Its own training script's names tell, and what it calls the network.
    let own = try load(Shape(width: 384, positions: fixed).store(prefix: "state_dict.module.base_encoder."))
    #expect(own.metadata.configuration["num_heads"] == .int(12))
    for (name, heads) in [("vit_small", 12), ("vit_small_patch16_224", 6)] {
      var named = store
      named.texts["arch"] = name
      #expect(try load(named).metadata.configuration["num_heads"] == .int(heads))
    }
    // Of other widths nobody has other heads.
    let base = Self.fixedTable(width: 768, side: 4, columnFirst: true)
    #expect(
      try load(Shape(width: 768, positions: base).store()).metadata.configuration["num_heads"] == .int(12))
    // A trained table is not MoCo's; the note names it.
    #expect(try load(Shape(width: 384).store()).notes[0].text.contains("MoCo v3's ViT-S has 12"))
  }

  // MARK: Other facts

  @Test func aNameTellsQuickGELU() throws {
    var store = try Shape(width: 768, norms: ["norm_pre", "norm"]).store()
    store.texts["arch"] = "vit_base_patch16_clip_quickgelu_224"
    #expect(try load(store).metadata.configuration["activation"] == .string("quick_gelu"))
  }

  @Test func clipsActivationIsInDoubt() throws {
    let loaded = try load(Shape(width: 768, norms: ["norm_pre", "norm"]).store())
    #expect(loaded.metadata.configuration["activation"] == .string("gelu"))
    #expect(Set(loaded.notes.compactMap(\.key)) == ["num_heads", "activation"])
    let plain = try load(Shape(width: 768).store())
    #expect(plain.metadata.configuration["activation"] == .string("gelu"))
    #expect(plain.notes.compactMap(\.key) == ["num_heads"])
    // SigLIP 2's So400m.
    let shape = Shape(width: 1152, depth: 27, mlp: 4304, patch: 16, classToken: false)
    #expect(try load(shape.store()).metadata.configuration["activation"] == .string("gelu_tanh"))
  }

  /// A network of a dialect's names and shapes that computes something else.
  @Test func networksOfTheSameTensorsAreRefused() throws {
    let shape = Shape(width: 768, classToken: false, norms: ["fc_norm"], qkvBias: false)
    let failure = #expect(throws: Failure.self) { try load(shape.store()) }
    #expect(
      failure?.problem.contains("timm's vit_base_patch16_rpn_224, which VTKit does not support") == true)
    // The user's own word counts, and other keys are no word on it.
    let word = JSON.object(["norm_after_pooling": .bool(true)])
    #expect(
      failure?.hint?.contains(word.text().replacing(":", with: ": ")) == true, "\(failure?.hint ?? "")")
    #expect(try load(shape.store(), word).metadata.configuration["num_heads"] == .int(12))
    #expect(throws: Failure.self) { try load(shape.store(), .object(["num_heads": .int(12)])) }
    // With biases it is timm's plain network without class token.
    let plain = Shape(width: 768, classToken: false, norms: ["fc_norm"])
    #expect(try load(plain.store()).notes.compactMap(\.key) == ["num_heads"])
  }

  // MARK: What a file is called

  private func loadFile(_ store: StateDict, _ path: String, _ configuration: JSON? = nil) throws
    -> LoadedCheckpoint
  {
    try LoadedCheckpoint.load(store, LoadOptions(configuration: configuration), path: path)
  }

  @Test(arguments: [
    "/m/resnetblur50.bt_in1k.safetensors", "/m/timm_resnetaa50-84f4.pth",
    "/m/resnetblur50.bt_in1k/model.safetensors",
    "/hub/models--timm--resnetblur50.bt_in1k/snapshots/1/model.safetensors",
  ])
  func aBlurringResNetIsRefusedByItsFilesName(_ path: String) throws {
    let store = try CheckpointFile.open(ReferenceCase("resnet_timm_safetensors").checkpointPath())
    for configuration in [nil, JSON.object(["image_size": .int(64)])] {
      let failure = #expect(throws: Failure.self) { try loadFile(store, path, configuration) }
      #expect(failure?.problem.contains("which VTKit does not support: it blurs before each stride") == true)
      #expect(failure?.hint?.contains("another name") == true)
    }
    #expect(throws: Never.self) { try loadFile(store, "/m/resnet50.a1_in1k/model.safetensors") }
  }

  @Test func aNameTellsTheRareNetwork() throws {
    let shape = Shape(width: 768, classToken: false, norms: ["norm"])
    let rare = try loadFile(shape.store(), "/m/vit_base_patch16_gap_224.pth")
    #expect(rare.metadata.configuration["num_heads"] == .int(16))
    #expect(try loadFile(shape.store(), "/m/mine.pth").metadata.configuration["num_heads"] == .int(12))
  }
}
