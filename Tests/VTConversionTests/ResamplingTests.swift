import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTConversion

struct ResamplingTests {
  /// A network of a case brought to another size: only the tables' shapes are told.
  func resized(_ reference: ReferenceCase, _ shapes: [String: [Int]]) throws -> StateDict {
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    let architecture = try #require(reference.document["architecture"]?.string)
    return try Resampling.resize(
      loaded.native, architecture: architecture, configuration: loaded.metadata.configuration,
      shapes: shapes
    ).store
  }

  @Test func positionTablesFollowTimm() throws {
    let reference = try ReferenceCase("vit_timm_resize")
    let store = try resized(reference, ["pos_embed": [1, 145, 32]])
    let expected = try reference.arrays().values("pos_embed_resized")
    expectClose(try store.values("pos_embed"), expected, absolute: 2e-6)
    // The class token's row is not touched.
    let before = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration)
    ).native.values("pos_embed")
    #expect(try store.values("pos_embed").prefix(32) == before.prefix(32))
  }

  @Test func biasTablesFollowMicrosoft() throws {
    let reference = try ReferenceCase("swin_resize")
    let name = "layers.0.blocks.1.attn.relative_position_bias_table"
    let store = try resized(reference, [name: [121, 1]])
    let expected = try reference.arrays().values("relative_position_bias_table_resized")
    expectClose(try store.values(name), expected, absolute: 2e-6)
  }

  @Test func aConstantStaysAConstant() {
    for method in ResamplingMethod.allCases {
      for (input, output) in [(7, 12), (12, 7), (5, 5), (1, 3), (4, 1)] {
        let values = [Float](repeating: 2.5, count: input * input * 3)
        let result = method.resample(values[...], channels: 3, from: input, to: output)
        #expect(result.count == output * output * 3)
        #expect(result.allSatisfy { abs($0 - 2.5) < 1e-5 }, "\(method) \(input) to \(output)")
      }
    }
  }

  @Test func theSameSizeChangesNothing() {
    let values = (0..<4 * 4 * 2).map { Float($0 % 7) - 3 }
    for method in ResamplingMethod.allCases {
      #expect(method.resample(values[...], channels: 2, from: 4, to: 4) == values)
    }
  }

  @Test func whatCannotBeResampledIsAnError() throws {
    let reference = try ReferenceCase("vit_timm_resize")
    let failure = #expect(throws: Failure.self) {
      try resized(reference, ["patch_embed.proj.weight": [32, 3, 4, 4]])
    }
    #expect(failure?.tensor == "patch_embed.proj.weight")
    #expect(failure?.problem.contains("no rule resamples it") == true)
  }
}
