import Foundation
import Testing
import TestSupport
import VTCheckpoint

/// Networks of one channel, and of numbers of channels that images do not have, as users meet them.
struct ChannelsTests {
  private static let jax = Fixtures.reference + "/vit_jax_npz/checkpoint.npz"
  private static let images = Fixtures.root + "/fixtures/clipart"

  /// A network of other channels than three, made from one of three.
  private static func network(_ channels: Int, in folder: TemporaryFolder) throws -> String {
    let store = try CheckpointFile.open(jax)
    let path = folder.file("of-\(channels).npz")
    let other = try StateDict(
      store.tensors.map { tensor in
        guard tensor.name == "embedding/kernel" else { return tensor }
        let shape = tensor.shape
        let values = try tensor.floats()
        let outputs = shape[3]
        var kernel: [Float] = []
        for cell in 0..<shape[0] * shape[1] {
          for channel in 0..<channels {
            let first = (cell * 3 + channel % 3) * outputs
            kernel += values[first..<first + outputs]
          }
        }
        return StoredTensor(
          name: tensor.name, shape: [shape[0], shape[1], channels, outputs], values: kernel)
      })
    try CheckpointFile.write(other, to: path)
    return path
  }

  @Test func aGrayNetworkPredictsAndTrains() throws {
    let folder = try TemporaryFolder()
    let gray = folder.file("gray.safetensors")
    let made = try Tool.run("convert", Self.jax, gray, "--to", "native", "--in-channels", "1")
    #expect(made.status == 0, "\(made.error)")
    #expect(made.error.contains("takes gray images now"))
    let store = try CheckpointFile.open(gray)
    #expect(store["patch_embed.proj.weight"]?.shape[1] == 1)
    let image = try #require(
      try FileManager.default.subpathsOfDirectory(atPath: Self.images).sorted().first {
        $0.hasSuffix(".jpg")
      })
    let outcome = try Tool.run("predict", "--checkpoint", gray, Self.images + "/" + image)
    #expect(outcome.status == 0, "\(outcome.error)")
    let run = folder.file("run")
    let tuned = try Tool.run(
      "finetune", "--checkpoint", gray, "--data", Self.images, "--output", run, "--epochs", "1",
      "--batch-size",
      "64", "--no-drloc")
    #expect(tuned.status == 0, "\(tuned.error)")
    let best = try CheckpointFile.open(run + "/checkpoints/best.safetensors")
    #expect(best["patch_embed.proj.weight"]?.shape[1] == 1)
    let evaluated = try Tool.run(
      "evaluate", "--checkpoint", run + "/checkpoints/best.safetensors", "--data", Self.images)
    #expect(evaluated.status == 0, "\(evaluated.error)")
  }

  @Test(arguments: [2, 4])
  func otherChannelsAreRefusedByName(_ channels: Int) throws {
    let folder = try TemporaryFolder()
    let network = try Self.network(channels, in: folder)
    let run = folder.file("run")
    let image = try #require(
      try FileManager.default.subpathsOfDirectory(atPath: Self.images).sorted().first {
        $0.hasSuffix(".jpg")
      })
    for arguments in [
      ["predict", "--checkpoint", network, Self.images + "/" + image],
      ["finetune", "--checkpoint", network, "--data", Self.images, "--output", run],
      ["finetune", "--checkpoint", network, "--data", Self.images, "--output", run, "--in-channels", "3"],
    ] {
      let outcome = try Tool.run(arguments)
      #expect((1..<5).contains(outcome.status), "\(arguments)")
      #expect(
        outcome.error.contains("\(channels) channels") || outcome.error.contains("\(channels) input channels")
      )
    }
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test func mistypedChannelsAreWrongUse() throws {
    let folder = try TemporaryFolder()
    let outcome = try Tool.run("convert", Self.jax, folder.file("x.safetensors"), "--in-channels", "2")
    #expect(outcome.status == 2 && outcome.error.contains("--in-channels is 1"), "\(outcome.error)")
  }
}
