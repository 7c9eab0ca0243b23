import Testing
import TestSupport
import VTCheckpoint
import VTConversion
import VTCore

@testable import VTTensor
@testable import VTModels

/// First layers brought to gray images and back.
struct InputChannelsTests {
  private static func logits(_ loaded: LoadedCheckpoint, _ images: Tensor, _ engine: Engine) throws -> [Float]
  {
    let model = try Models.make(loaded.metadata.configuration, weights: loaded.native, engine: engine)
    return model.forward(images, Tape(engine, recording: false)).logits.values
  }

  private static func adapted(_ loaded: LoadedCheckpoint, to channels: Int) throws -> LoadedCheckpoint {
    var result = loaded
    let configuration = loaded.metadata.configuration
    result.native = try InputChannels.adapt(loaded.native, configuration: configuration, to: channels).store
    result.metadata.configuration = configuration.replacing(["in_channels": .int(channels)])
    return result
  }

  /// A gray image gives the same logits whether the network sees it once or three times.
  @Test(arguments: [
    "vit_timm_safetensors", "swin_microsoft_pth", "cvt_microsoft_pth", "resnet_timm_safetensors",
    "vit_lucidrains_pth",
  ])
  func grayImagesGiveTheSameAsInRGB(_ name: String) throws {
    let reference = try ReferenceCase(name)
    let engine = Engine(threads: 2)
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    let input = try #require(try reference.arrays()["input"])
    let (count, side) = (input.shape[0], input.shape[2])
    let planes = try input.floats()
    let area = side * side
    let gray = (0..<count).flatMap { planes[$0 * 3 * area..<($0 * 3 + 1) * area] }
    let thrice = (0..<count).flatMap { image in
      (0..<3).flatMap { _ in gray[image * area..<(image + 1) * area] }
    }
    let images = engine.images(nchw: thrice[...], [count, 3, side, side])
    let expected = try Self.logits(loaded, images, engine)
    let ofOne = try Self.adapted(loaded, to: 1)
    let one = engine.images(nchw: gray[...], [count, 1, side, side])
    expectCloseToLargest(try Self.logits(ofOne, one, engine), expected, 1e-5, "of one channel")
    // And back: a third of the sum for each channel.
    let ofThree = try Self.adapted(ofOne, to: 3)
    expectCloseToLargest(try Self.logits(ofThree, images, engine), expected, 1e-5, "of three channels again")
  }

  /// timm sums the raw kernels, in front of their standardization.
  @Test func hybridsSumTheResNetsFirstKernel() throws {
    let reference = try ReferenceCase("vit_timm_hybrid")
    let loaded = try LoadedCheckpoint.load(
      reference.checkpointPath(), LoadOptions(configuration: reference.configuration))
    let name = "patch_embed.backbone.stem.conv.weight"
    let ofOne = try Self.adapted(loaded, to: 1)
    let before = try loaded.native.values(name)
    let after = try #require(ofOne.native[name])
    #expect(after.shape == [32, 1, 7, 7])
    var sums: [Float] = []
    for output in 0..<32 {
      for cell in 0..<49 {
        let at = output * 3 * 49 + cell
        sums.append(before[at] + before[at + 49] + before[at + 98])
      }
    }
    expectClose(try after.floats(), sums, absolute: 1e-6)
    #expect(ofOne.native["patch_embed.proj.weight"]?.shape == loaded.native["patch_embed.proj.weight"]?.shape)
  }

  @Test func whatCannotBeAdaptedIsRefused() throws {
    let t2t = try ReferenceCase("t2t_yitu_pth")
    let loaded = try LoadedCheckpoint.load(
      t2t.checkpointPath(), LoadOptions(configuration: t2t.configuration))
    let first = #expect(throws: Failure.self) { try Self.adapted(loaded, to: 1) }
    #expect(first?.problem.contains("t2t_vit") == true)
    let configuration = JSON.object(["architecture": .string("vit"), "in_channels": .int(4)])
    let second = #expect(throws: Failure.self) {
      try InputChannels.adapt(StateDict(), configuration: configuration, to: 3)
    }
    #expect(second?.problem.contains("4 input channels") == true)
  }
}
