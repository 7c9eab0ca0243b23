import Foundation
import TestSupport
import Testing
import VTCore

/// `vtkit sweep` and `vtkit lr-find`.
struct SweepTests {
  private static let network = """
    {architecture: vit, image_size: 16, patch_size: 8, embed_dim: 16, depth: 1, num_heads: 2, mlp_dim: 32, num_classes: 2,
    norm_eps: 1e-6, activation: gelu}
    """

  private static func file(_ folder: TemporaryFolder, _ change: (String) -> String = { $0 }) throws -> String
  {
    let path = folder.file("sweep.yaml")
    let text = """
      model: \(network)
      data: data
      output: runs
      seeds: [3, 4]
      recipe: {epochs: 2, batchSize: 6, learningRate: 1e-3}
      settings:
        plain: {drloc: null}
        drloc: {drloc: {pairs: 4, weight: 1}}
      """
    try Data(change(text).utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  @Test func settingsAreTrainedOnceAndTold() throws {
    let folder = try TemporaryFolder()
    _ = try FinetuneTests.data(folder, perClass: 4)
    let path = try Self.file(folder)
    let first = try Tool.run("sweep", path, "--threads", "1")
    #expect(first.status == 0, "\(first.error)")
    #expect(first.error.contains("run 4 of 4: drloc, seed 4"))
    let rows = first.output.split(separator: "\n").filter { $0.hasPrefix("plain") || $0.hasPrefix("drloc") }
    #expect(rows.count == 2 && rows.allSatisfy { $0.contains("±") }, "\(first.output)")
    let text = try Data(contentsOf: URL(fileURLWithPath: folder.file("runs/sweep.json")))
    let json = try JSON(parsing: text)
    #expect(json["drloc"]?["4"]?["val_accuracy"]?.double != nil)
    let page = folder.file("runs/sweep.html")
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.contains("<svg") && html.contains("<th>drloc</th><td>2</td>"))
    #expect(first.output.contains("sweep.html"))
    let again = try Tool.run("sweep", path)
    #expect(again.status == 0 && again.output == first.output && !again.error.contains("run "))
    // Another recipe under an old name is not taken for the old one's.
    _ = try Self.file(folder) { $0.replacing("weight: 1", with: "weight: 2") }
    let other = try Tool.run("sweep", path)
    #expect(other.status == 2 && other.error.contains("begun with another recipe"), "\(other.error)")
  }

  @Test(arguments: [
    ("seeds:", "seed:", "a sweep has no key 'seed'"), ("pairs: 4", "pair: 4", "the setting 'drloc'"),
    ("[3, 4]", "[3, 3]", "'seeds' is a list of different whole numbers"),
    ("data: data", "data: nowhere", "nowhere"), ("epochs: 2", "epochs: 0", "'recipe': the recipe's 'epochs'"),
    ("plain:", "a/b:", "the setting 'a/b' names a folder"), ("  plain", " plain", "malformed YAML"),
  ])
  func mistakesAreNamed(_ before: String, _ after: String, _ problem: String) throws {
    let folder = try TemporaryFolder()
    _ = try FinetuneTests.data(folder, perClass: 4)
    let path = try Self.file(folder) { $0.replacing(before, with: after) }
    let outcome = try Tool.run("sweep", path)
    #expect([2, 3].contains(outcome.status) && outcome.error.contains(problem), "\(outcome.error)")
  }

  @Test func aRateIsFoundAndShown() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 4)
    let page = folder.file("rates.html")
    let arguments = [
      "lr-find", "--from-scratch", "--model-config",
      """
      {"architecture": "vit", "image_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2, "mlp_dim": 32,
      "num_classes": 3, "norm_eps": 1e-6, "activation": "gelu"}
      """, "--data", data, "--batch-size", "6", "--no-drloc", "--updates", "60", "--json", "--output", page,
    ]
    let outcome = try Tool.run(arguments)
    #expect(outcome.status == 0, "\(outcome.error)")
    let json = try JSON(parsing: Data(outcome.output.utf8))
    let points = try #require(json["points"]?.array)
    let rates = points.compactMap { $0["rate"]?.double }
    #expect(points.count > 20 && rates == rates.sorted() && rates.first == 1e-7)
    let suggestion = try #require(json["suggestion"]?.double)
    #expect((1e-6...0.1).contains(suggestion))
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("<svg"))
    let exists = try Tool.run(arguments)
    #expect(exists.status == 2 && exists.error.contains("exists already"))
    let wrong = try Tool.run(
      "lr-find", "--from-scratch", "--model", "vit_tiny_patch16_224", "--data", data, "--first-rate", "2")
    #expect(wrong.status == 2 && wrong.error.contains("--last-rate above it"), "\(wrong.error)")
  }
}
