import Foundation
import TestSupport
import Testing
import VTCore

/// What commands print: which lines there are, and how numbers look.
struct ConsoleTests {
  /// Options of a run of one epoch, and parts of what it prints.
  struct Run: Sendable, CustomTestStringConvertible {
    let options: [String]
    let has: [String]
    var lacks: [String] = []
    var testDescription: String { options.joined(separator: " ") }
  }

  @Test(arguments: [
    Run(
      options: ["--drloc-pairs", "4"],
      has: [
        "epoch 1/1  loss ", "  drloc ", "  train ", "  val ", " s  best\n", "best epoch 1: ", "report: ",
      ],
      lacks: ["cross_entropy", "{", "test set"]),
    Run(options: ["--no-drloc"], has: ["epoch 1/1  loss ", "  train "], lacks: ["drloc"]),
    Run(
      options: ["--no-drloc", "--test-split"], has: ["  val ", "best epoch 1: ", " of 2 right ("],
      lacks: ["test set"]),
    Run(
      options: ["--no-drloc", "--json"], has: ["\"updates\": 2", "\"best_epoch\": 1", "\"count\": 4"],
      lacks: ["epoch 1/1", "report: "]),
  ])
  func aRunPrintsItsNumbers(_ run: Run) throws {
    let folder = try TemporaryFolder()
    for (set, count) in [("train", 4), ("val", 2), ("test", 1)] {
      for (label, name) in ["animals", "flags"].enumerated() {
        let source = Fixtures.root + "/fixtures/clipart/\(set == "train" ? "train" : "val")/\(name)"
        let target = folder.file("data/\(set)/\(name)")
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        let files = try FileManager.default.contentsOfDirectory(atPath: source).sorted()
        for file in files.dropFirst(set == "test" ? 5 + label : 0).prefix(count) {
          try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: "\(target)/\(file)")
        }
      }
    }
    if !run.options.contains("--test-split") {
      try FileManager.default.removeItem(atPath: folder.file("data/test"))
    }
    let outcome = try Tool.run(
      [
        "finetune", "--checkpoint", UsageTests.jax, "--data", folder.file("data"), "--output",
        folder.file("run"), "--epochs", "1", "--batch-size", "4", "--warmup-epochs", "0",
      ] + run.options)
    #expect(outcome.status == 0, "\(outcome.error)")
    for text in run.has { #expect(outcome.output.contains(text), "\(text)\n\(outcome.output)") }
    for text in run.lacks { #expect(!outcome.output.contains(text), "\(text)\n\(outcome.output)") }
    #expect(!outcome.output.contains("\u{1B}") && !outcome.error.contains("\u{1B}"), "no terminal, no bars")
    if run.options.contains("--json") { _ = try JSON(parsing: Data(outcome.output.utf8)) }
  }

  /// Sizes as people write them.
  @Test(arguments: [
    ("100KB", 0), ("0.1MB", 0), ("100000", 0), ("100000B", 0), ("1 gb", 0), ("much", 2), ("0", 2),
    ("1e300GB", 2),
    ("0.2B", 2), ("5PB", 2), ("", 2),
  ])
  func sizesAreRead(_ size: String, _ status: Int32) throws {
    let outcome = try Tool.run(
      "convert", UsageTests.jax, "/tmp/x.safetensors", "--to", "timm", "--dry-run", "--max-shard-size", size)
    #expect(
      outcome.status == status && (status == 0 || outcome.error.contains("--max-shard-size")),
      "\(outcome.error)")
  }

  /// Columns as wide as their widest cell, names to the left, numbers to the right.
  @Test(arguments: [["models"], ["dialects"], ["inspect", UsageTests.jax]])
  func tablesAreAligned(_ command: [String]) throws {
    let outcome = try Tool.run(command)
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
    let rule = try #require(lines.firstIndex { $0.hasPrefix("──") }, "\(outcome.output.prefix(500))")
    let widths = lines[rule].split(separator: " ").map(\.count)
    let rows = lines[(rule + 1)...].prefix { !$0.isEmpty }
    #expect(rows.count > 3)
    for row in [lines[rule - 1]] + rows {
      // Between columns are two spaces.
      var at = 0
      for width in widths.dropLast() {
        at += width
        #expect(row.count < at + 2 || row.dropFirst(at).hasPrefix("  "), "\(row)")
        at += 2
      }
    }
  }
}
