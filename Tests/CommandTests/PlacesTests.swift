import Foundation
import Testing
import TestSupport
import VTCheckpoint

/// Where commands write to and read from, and which tensors they take along.
@Suite(.serialized)
struct PlacesTests {
  private static let checkpoint = ImagesTests.checkpoint

  /// Notes of the checkpoint never come before an error that has nothing to do with them.
  @Test func whatIsWrongWithTheOutputIsToldAlone() throws {
    let clip = Fixtures.reference + "/vit_timm_clip/checkpoint.safetensors"
    let image = Fixtures.reference + "/augment/missing.png"
    let input = Fixtures.reference + "/vit_timm_clip/io.npz"
    for arguments in [
      ["predict", "--checkpoint", clip, "--output", "/no/such/folder/q.csv", image],
      ["predict", "--checkpoint", clip, "--tensor", input, "--output", "q.csv"],
      ["convert", clip, "x.pth", "--compression", "3"],
    ] {
      let outcome = try Tool.run(arguments)
      #expect(outcome.status != 0 && outcome.error.hasPrefix("error: "), "\(outcome.error)")
    }
  }

  @Test func aFolderOfOneLetterIsWritten() throws {
    let folder = try TemporaryFolder()
    for place in ["m/", "n//"] {
      let outcome = try Tool.run(
        "convert", Self.checkpoint, place, "--to", "huggingface", in: folder.path)
      #expect(outcome.status == 0, "\(place): \(outcome.error)")
    }
    #expect(try Tool.run("inspect", "m/", in: folder.path).status == 0)
    #expect(try Tool.run("inspect", "o/", in: folder.path).status == 3)
  }

  @Test func unwantedTensorsOfTheNetworkAreLeftOut() throws {
    let folder = try TemporaryFolder()
    let output = folder.file("bare.npz")
    let outcome = try Tool.run("convert", Self.checkpoint, output, "--ignore", "head/*")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.error.contains("2 tensors left out (asked for)"))
    let all = try CheckpointFile.open(Self.checkpoint).names
    #expect(try CheckpointFile.open(output).names.count == all.count - 2)
    // A network cannot do without a block's.
    let blocks = try Tool.run(
      "convert", Self.checkpoint, folder.file("x.npz"), "--ignore", "Transformer/encoderblock_0/*")
    #expect(blocks.status == 3 && blocks.error.contains("missing"), "\(blocks.error)")
    // Names under a prefix count with it and without.
    let wrapped = Fixtures.reference + "/vit_timm_pth/checkpoint.pth"
    for pattern in ["head.*", "*head.*"] {
      let file = folder.file("bare.pth")
      let outcome = try Tool.run("convert", wrapped, file, "--ignore", pattern, "--force")
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(try !CheckpointFile.open(file).names.contains { $0.contains("head.") })
    }
    let raw = folder.file("raw.npz")
    #expect(try Tool.run("convert", "--raw", Self.checkpoint, raw, "--ignore", "head/*").status == 0)
    #expect(try CheckpointFile.open(raw).names.count == all.count - 2)
  }

  @Test func runsKeepOffTheirDataCheckpointAndExports() throws {
    let folder = try TemporaryFolder()
    let data = try ImagesTests.unsplit(folder)
    let inside = try ImagesTests.tune(data, data + "/run")
    #expect(inside.status == 2 && inside.error.contains("among the images"), "\(inside.error)")
    let export = try ImagesTests.tune(
      data, folder.file("run"), ["--export", "timm:" + folder.file("run/")])
    #expect(export.status == 2 && export.error.contains("is the run folder itself"), "\(export.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
    #expect(try ImagesTests.tune(data, folder.file("run")).status == 0)
    let own = try ImagesTests.tune(
      data, folder.file("run"), ["--force"], checkpoint: folder.file("run"))
    #expect(own.status == 2 && own.error.contains("holds the checkpoint"), "\(own.error)")
    #expect(FileManager.default.fileExists(atPath: folder.file("run/checkpoints/best.safetensors")))
  }

  @Test func allMeasuresEverySet() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    let run = folder.file("run")
    #expect(try Tool.run(FinetuneTests.arguments(data, run, epochs: 1)).status == 0)
    for (more, set, count) in [([], "val/", 12), (["--all"], "val/, train/", 42)] {
      let outcome = try Tool.run(["evaluate", "--checkpoint", run, "--data", data, "--json"] + more)
      let answer = try ImagesTests.json(outcome.output)
      #expect(answer["measured_on"]?.string == set && answer["count"]?.int == count, "\(outcome.output)")
    }
  }

  /// Gray networks' folders say one mean and one deviation.
  @Test(arguments: ["timm", "huggingface"])
  func grayFoldersAreReadAsTheyWereWritten(_ dialect: String) throws {
    let folder = try TemporaryFolder()
    let (gray, place) = (folder.file("gray.safetensors"), folder.file("model/"))
    for arguments in [
      [Self.checkpoint, gray, "--in-channels", "1", "--to", "native"], [gray, place, "--to", dialect],
    ] {
      let outcome = try Tool.run(["convert"] + arguments)
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    let found = try [gray, place].map { path in
      try ImagesTests.json(Tool.run("inspect", path, "--json").output)["preprocessing"]
    }
    #expect(found[0]?["mean"]?.array?.count == 1)
    for key in ["size", "interpolation"] { #expect(found[0]?[key] == found[1]?[key], "\(key)") }
    for key in ["mean", "std"] {
      let numbers = found.map { $0?[key]?.array?.compactMap(\.double) }
      #expect(numbers[0]?.count == 1 && numbers[0] == numbers[1], "\(key)")
    }
  }
}
