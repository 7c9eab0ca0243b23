import Foundation
import Testing
import TestSupport
import VTCore

/// `finetune --keep-best`, and what is done with what it keeps.
struct KeptCheckpointTests {
  @Test func keptCheckpointsAreListedAndUsed() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 6)
    let run = folder.file("run")
    let outcome = try Tool.run(FinetuneTests.arguments(data, run, epochs: 3) + ["--keep-best", "2"])
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("kept: epoch ") }
    #expect(lines.count == 2, "\(outcome.output)")
    for line in lines {
      let path = String(line[try #require(line.range(of: ": /")).upperBound...]).withSlash
      let accuracy = try #require(Double(path.dropLast(".safetensors".count).suffix(6)))
      let measured = try Tool.run("evaluate", "--checkpoint", path, "--data", data, "--json")
      #expect(measured.status == 0, "\(measured.error)")
      let found = try #require(JSON(parsing: Data(measured.output.utf8))["accuracy"]?.double)
      #expect(abs(found - accuracy) < 1e-4, "\(path): \(found)")
      let image = Fixtures.reference + "/augment/b.png"
      #expect(try Tool.run("predict", "--checkpoint", path, image).status == 0)
    }
    let first = String(lines[0][try #require(lines[0].range(of: ": /")).upperBound...]).withSlash
    let export = folder.file("tuned.npz")
    #expect(try Tool.run("convert", first, export).status == 0)
    #expect(FileManager.default.fileExists(atPath: export))
    let again = try Tool.run("finetune", "--resume", run, "--json")
    let kept = try JSON(parsing: Data(again.output.utf8))["kept"]?.array ?? []
    #expect(kept.count == 2 && kept[0]["path"]?.string == first, "\(again.output)")
  }

  @Test func unfreezingIsToldAndNeedsACheckpoint() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 4)
    let arguments = FinetuneTests.arguments(data, folder.file("run"), epochs: 2)
    let run = try Tool.run(arguments + ["--unfreeze-every", "1"])
    #expect(run.status == 0, "\(run.error)")
    #expect(run.error.contains("unfreezing: the head alone learns at first"), "\(run.error)")
    #expect(run.error.contains("epoch 2: block 2 of 2 learns from here on"), "\(run.error)")
    let scratch = try Tool.run(
      "finetune", "--from-scratch", "--model", "vit_mini_patch4_32", "--data", data, "--output",
      folder.file("scratch"), "--unfreeze-every", "1")
    #expect(
      scratch.status == 2 && scratch.error.contains("on features of random weights"), "\(scratch.error)")
    #expect(!FileManager.default.fileExists(atPath: folder.file("scratch")))
  }

  @Test func imagesChooseTheRecipeAndTheRunSaysIt() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 4)
    let run = folder.file("run")
    let outcome = try Tool.run(FinetuneTests.arguments(data, run, epochs: 2) + ["--recipe", "auto"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(
      outcome.error.contains("recipe: few-images for 12 training images (fewer than 1,000"),
      "\(outcome.error)")
    let json = try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: run + "/config.json")))["recipe"]
    #expect(json?["unfreezeEvery"]?.int == 1 && json?["epochs"]?.int == 2)
    let printed = try Tool.run(
      "finetune", "--recipe", "auto", "--data", data, "--from-scratch", "--print-recipe")
    #expect(printed.status == 0 && printed.output.contains("\"epochs\": 100"), "\(printed.error)")
    let without = try Tool.run("finetune", "--recipe", "auto", "--print-recipe")
    #expect(
      without.status == 2 && without.error.contains("--recipe auto chooses by the images"), "\(without.error)"
    )
  }
}

extension String {
  /// With the slash that was searched for.
  fileprivate var withSlash: String { "/" + self }
}
