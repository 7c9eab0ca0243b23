import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

/// Tensors beside a timm network that only pretraining used are left out; a classifier of the user's own never is.
struct LeftOutTests {
  private func load(_ extra: [(String, [Int])]) throws -> LoadedCheckpoint {
    var store = try PublishedNetworksTests.Shape(width: 64, depth: 2, patch: 8).store()
    store.filter { !$0.name.hasPrefix("head.") }
    for (name, shape) in extra {
      try store.append(
        StoredTensor(name: name, type: .f32, shape: shape) { throw Failure("no numbers are needed") })
    }
    return try LoadedCheckpoint.load(store, LoadOptions(), path: nil)
  }

  @Test func aClassifierOfSeveralLayersIsRefused() {
    let failure = #expect(throws: Failure.self) {
      _ = try load([
        ("head.0.weight", [64]), ("head.0.bias", [64]), ("head.1.weight", [32, 64]), ("head.1.bias", [32]),
        ("head.3.weight", [5, 32]), ("head.3.bias", [5]),
      ])
    }
    #expect(failure?.problem.contains("head.3.weight") == true, "\(failure?.problem ?? "")")
  }

  @Test func aProjectorIsLeftOut() throws {
    let loaded = try load([
      ("head.0.weight", [32, 64]), ("head.1.weight", [32]), ("head.1.bias", [32]),
      ("head.1.running_mean", [32]), ("head.1.running_var", [32]), ("head.3.weight", [8, 32]),
    ])
    #expect(loaded.ignored.count == 6)
    #expect(loaded.notes.contains { $0.text.contains("6 tensors left out (it is a projector") })
  }

  @Test func aMaskedAutoencodersDecoderIsLeftOut() throws {
    let loaded = try load([
      ("mask_token", [1, 1, 32]), ("decoder_pos_embed", [1, 17, 32]), ("decoder_embed.weight", [32, 64]),
      ("decoder_blocks.0.norm1.weight", [32]),
    ])
    #expect(loaded.ignored.count == 4)
  }
}
