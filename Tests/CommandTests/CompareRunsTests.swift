import Foundation
import Testing
import TestSupport
import VTCore

/// `vtkit compare-runs`.
struct CompareRunsTests {
  @Test func runsAreSetSideBySide() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 4)
    let (plain, drloc) = (folder.file("plain"), folder.file("<drloc>"))
    let first = try Tool.run(FinetuneTests.arguments(data, plain) + ["--no-drloc"])
    let second = try Tool.run(FinetuneTests.arguments(data, drloc) + ["--seed", "3"])
    #expect(first.status == 0 && second.status == 0, "\(first.error)\(second.error)")

    let page = folder.file("runs.html")
    let outcome = try Tool.run("compare-runs", plain, drloc, "--output", page)
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.contains { $0.hasPrefix(plain) && $0.contains(" %") })
    #expect(lines.contains { $0.hasPrefix("--seed ") && $0.hasSuffix("3") })
    #expect(lines.contains { $0.hasPrefix("drloc ") && $0.contains("none") && $0.hasSuffix("λ = 1") })
    #expect(!lines.contains { $0.hasPrefix("--epochs ") }, "what is the same is not shown")
    // Validation images have a folder of their own: the seed does not choose them.
    #expect(!outcome.error.contains("warning"), "\(outcome.error)")
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.contains("&lt;drloc&gt;") && !html.contains("<drloc>"))
    #expect(html.components(separatedBy: "<polyline").count - 1 == 6)

    let json = try JSON(parsing: Data(Tool.run("compare-runs", plain, drloc, "--json").output.utf8))
    let epochs = try String(contentsOfFile: plain + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      .map { try JSON(parsing: Data($0.utf8)) }.filter { $0["kind"]?.string == "epoch" }
    let best = epochs.compactMap { $0["val_accuracy"]?.double }.max()
    #expect(json["runs"]?.array?.first?["val_accuracy"]?.double == best)
    #expect(json["runs"]?.array?.first?["epochs_done"]?.int == 2)
    #expect(json["differences"]?["--seed"]?.array?.map { $0.string } == ["0", "3"])

    let same = try Tool.run("compare-runs", plain, plain)
    #expect(same.status == 0 && !same.output.contains("setting"))
    let again = try Tool.run("compare-runs", plain, "--output", page)
    #expect(again.status == 2 && again.error.contains("--force"), "\(again.error)")
    let missing = try Tool.run("compare-runs", plain, folder.file("nowhere"))
    #expect(missing.status != 0 && missing.error.contains("no training run here"), "\(missing.error)")
  }

  @Test func whatCannotBeComparedIsSaid() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder, perClass: 6)
    // Held out by the seed.
    try FileManager.default.removeItem(atPath: data + "/val")
    let runs = try (0..<2).map { seed in
      let run = folder.file("run\(seed)")
      let outcome = try Tool.run(FinetuneTests.arguments(data, run, epochs: 1) + ["--seed", "\(seed)"])
      #expect(outcome.status == 0, "\(outcome.error)")
      return run
    }
    let outcome = try Tool.run(["compare-runs"] + runs)
    #expect(outcome.error.contains("the runs held out other validation images"), "\(outcome.error)")
  }
}
