import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Fine-tuning from the command line: exports, interruption, bad data.
@Suite(.serialized)
struct FinetuneTests {
  /// Some of the fixture's images in a folder of the test's own.
  static func data(_ folder: TemporaryFolder, perClass: Int = 10) throws -> String {
    let root = folder.file("data")
    for (set, count) in [("train", perClass), ("val", 4)] {
      for name in ["animals", "flags", "music"] {
        let source = Fixtures.root + "/fixtures/clipart/\(set)/\(name)"
        try FileManager.default.createDirectory(
          atPath: "\(root)/\(set)/\(name)", withIntermediateDirectories: true)
        for file in try FileManager.default.contentsOfDirectory(atPath: source).sorted().prefix(count) {
          try FileManager.default.copyItem(
            atPath: "\(source)/\(file)", toPath: "\(root)/\(set)/\(name)/\(file)")
        }
      }
    }
    return root
  }

  static func arguments(_ data: String, _ output: String, epochs: Int = 2) -> [String] {
    [
      "finetune", "--checkpoint", Fixtures.reference + "/vit_jax_npz/checkpoint.npz", "--data", data,
      "--output", output, "--epochs", "\(epochs)", "--batch-size", "6", "--warmup-epochs",
      epochs > 1 ? "1" : "0",
      "--drloc-pairs",
      "4", "--learning-rate", "5e-4",
    ]
  }

  static func bits(_ run: String) throws -> [String: [UInt8]] {
    let store = try CheckpointFile.open(run + "/checkpoints/last.safetensors")
    var result: [String: [UInt8]] = [:]
    for tensor in store.tensors { result[tensor.name] = try tensor.bytes().array }
    return result
  }

  /// A run that is under way, stopped wherever it is once its metrics have some lines.
  private static func stopped(
    _ arguments: [String], run: String, after lines: Int, by signal: Int32
  ) throws -> (process: Process, error: Pipe) {
    let (process, _, error) = try Tool.start(arguments)
    let metrics = run + "/metrics.jsonl"
    while process.isRunning,
      ((try? String(contentsOfFile: metrics, encoding: .utf8)) ?? "").split(separator: "\n").count < lines
    { usleep(2000) }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    return (process, error)
  }

  /// What an export cannot hold is said before training, not after it.
  @Test func impossibleExportsAreRefusedAtOnce() throws {
    let folder = try TemporaryFolder()
    let run = folder.file("run")
    let outcome = try Tool.run(
      Self.arguments(try Self.data(folder), run) + [
        "--export", "open-clip:" + folder.file("tuned.safetensors"),
      ])
    #expect(outcome.status != 0)
    #expect(
      outcome.error.contains("the dialect 'open-clip' has num_classes = 0, the network 3"), "\(outcome.error)"
    )
    #expect(outcome.error.contains("vtkit convert --num-classes 0"))
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  /// Mistakes in --export are reported before any image is read: the data folder is missing here, too.
  @Test func mistakesInExportsAreToldFirst() throws {
    let folder = try TemporaryFolder()
    let taken = folder.file("taken.npz")
    try Data("x".utf8).write(to: URL(fileURLWithPath: taken))
    let mistakes: [([String], String)] = [
      (["tmm:x.pth"], "there is no dialect 'tmm' — did you mean timm?"),
      (["yitu:x.pth"], "there is no dialect 'yitu' for vit"), (["timm:"], "names no file"),
      ([folder.file("x.weights")], "the suffix '.weights' is unknown"),
      ([folder.file("missing/x.npz")], "the folder for the output does not exist"),
      ([taken], "exists already"),
      ([folder.file("a.npz"), "jax-vit:" + folder.file("./a.npz")], "same place"),
      ([folder.file("a.safetensors")], "pass --export DIALECT:"),
    ]
    for (exports, message) in mistakes {
      let run = folder.file("run")
      // A dialect's name is only known to be wrong for the network once the network is.
      let data =
        message.contains("for vit") || message.contains("pass --export") ? try Self.data(folder) : "/nowhere"
      let outcome = try Tool.run(
        Self.arguments(data, run) + exports.flatMap { ["--export", $0] }, in: folder.path)
      #expect(
        [2, 3].contains(outcome.status) && outcome.error.contains(message), "\(exports): \(outcome.error)")
      #expect(!outcome.error.contains("--to "), "\(outcome.error)")
      #expect(!FileManager.default.fileExists(atPath: run))
      try? FileManager.default.removeItem(atPath: folder.file("data"))
    }
  }

  @Test func exportsKeepTheAccuracyToTheLastImage() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    let run = folder.file("run")
    let outcome = try Tool.run(
      Self.arguments(data, run) + [
        "--json", "--export", folder.file("tuned.npz"), "--export",
        "huggingface-tf:" + folder.file("tuned.h5"), "--export", "timm:" + folder.file("tuned.safetensors"),
      ])
    #expect(outcome.status == 0, "\(outcome.error)")
    let names = Set(try FileManager.default.contentsOfDirectory(atPath: run))
    #expect(names.isSuperset(of: ["config.json", "metrics.jsonl", "checkpoints", "report.html"]))
    func answer(_ checkpoint: String) throws -> [String: Any] {
      let outcome = try Tool.run("evaluate", "--checkpoint", checkpoint, "--data", data, "--json")
      #expect(outcome.status == 0, "\(outcome.error)")
      return try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }
    let best = try answer(run + "/checkpoints/best.safetensors")
    #expect(best["count"] as? Int == 12)
    for file in ["tuned.npz", "tuned.h5", "tuned.safetensors"] {
      let exported = try answer(folder.file(file))
      #expect(exported["correct"] as? Int == best["correct"] as? Int)
      #expect(exported["loss"] as? Double == best["loss"] as? Double)
      #expect(try CheckpointFile.open(folder.file(file)).names.allSatisfy { !$0.contains("drloc") })
    }
    let prediction = try Tool.run(
      "predict", "--checkpoint", folder.file("tuned.npz"), "--top", "2",
      data + "/val/flags/"
        + (try FileManager.default.contentsOfDirectory(atPath: data + "/val/flags")[0]))
    #expect(prediction.status == 0 && prediction.output.contains("%"))
    #expect(["animals", "flags", "music"].contains { prediction.output.contains($0) })
    // The folder is not overwritten by mistake.
    let again = try Tool.run(Self.arguments(data, run))
    #expect(again.status == 2 && again.error.contains("--resume"))
  }

  @Test func interruptedAndKilledRunsResumeToTheSameBits() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    let whole = folder.file("whole")
    #expect(try Tool.run(Self.arguments(data, whole, epochs: 6)).status == 0)
    for (name, signal) in [("interrupted", SIGINT), ("killed", SIGKILL)] {
      let run = folder.file(name)
      let (process, error) = try Self.stopped(
        Self.arguments(data, run, epochs: 6), run: run, after: 8, by: signal)
      if signal == SIGINT {
        let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(process.terminationStatus == 130, "\(text)")
        #expect(text.contains("vtkit finetune --resume \(run)"))
      }
      let resumed = try Tool.run("finetune", "--resume", run)
      #expect(resumed.status == 0, "\(resumed.error)")
      #expect(try Self.bits(run) == Self.bits(whole), "\(name)")
    }
  }

  @Test func resumedRunsKeepTheirKernels() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder)
    let (whole, run) = (folder.file("whole"), folder.file("run"))
    let portable = ["--simd", "portable"]
    #expect(try Tool.run(Self.arguments(data, whole, epochs: 4) + portable).status == 0)
    _ = try Self.stopped(
      Self.arguments(data, run, epochs: 4) + portable, run: run, after: 4, by: SIGKILL)
    let resumed = try Tool.run("finetune", "--resume", run)
    #expect(resumed.status == 0 && !resumed.error.contains("kernels"), "\(resumed.error)")
    #expect(try Self.bits(run) == Self.bits(whole))
    let other = try Tool.run("finetune", "--resume", run, "--simd", "scalar")
    #expect(other.status == 0)
    // The option's name until 0.1.
    let same = try Tool.run("finetune", "--resume", run, "--instructions", "portable")
    #expect(same.status == 0, "\(same.error)")
    #expect(other.error.contains("begun with portable kernels and goes on with scalar"), "\(other.error)")
  }

  /// A class is called what its folder is called, whatever characters that has; only terminals see them escaped.
  @Test func aClassNameMayHoldALineBreak() throws {
    let folder = try TemporaryFolder()
    let (data, run, name) = (try Self.data(folder, perClass: 2), folder.file("run"), "big\nflags")
    for set in ["train", "val"] {
      try FileManager.default.moveItem(atPath: "\(data)/\(set)/flags", toPath: "\(data)/\(set)/\(name)")
    }
    let outcome = try Tool.run(Self.arguments(data, run, epochs: 1))
    #expect(outcome.status == 0, "\(outcome.error)")
    let image = try #require(FileManager.default.contentsOfDirectory(atPath: "\(data)/val/\(name)").first)
    let (table, path) = (folder.file("labels.csv"), "\(data)/val/\(name)/\(image)")
    #expect(try Tool.run("predict", "--checkpoint", run, path, "--output", table).status == 0)
    let text = try String(contentsOfFile: table, encoding: .utf8)
    #expect(text.contains(",\"big\nflags\",") && !text.contains("\\u{a}"), "\(text)")
    let json = try JSON(parsing: Data(Tool.run("predict", "--checkpoint", run, path, "--json").output.utf8))
    let answers = json.array?.first?["predictions"]?.array?.compactMap { $0["class"]?.string } ?? []
    #expect(answers.contains(name))
    let evaluated = try Tool.run("evaluate", "--checkpoint", run, "--data", data)
    #expect(evaluated.output.contains("big\\u{a}flags") && !evaluated.output.contains("big\nflags"))
    // Three classes: the right one is always among the first five.
    #expect(!evaluated.output.contains("top-5"), "\(evaluated.output)")
  }

  @Test func damagedAndPoorDataIsExplained() throws {
    let folder = try TemporaryFolder()
    let data = try Self.data(folder, perClass: 3)
    try Data("broken".utf8).write(to: URL(fileURLWithPath: data + "/train/flags/broken.png"))
    let skipped = try Tool.run(Self.arguments(data, folder.file("a")))
    #expect(skipped.status == 0, "\(skipped.error)")
    #expect(skipped.error.contains("flags/broken.png (skipped)"))
    #expect(skipped.error.contains("1 image could not be read and was skipped"))
    let strict = try Tool.run(Self.arguments(data, folder.file("b")) + ["--strict-data"])
    #expect(strict.status == 3 && strict.error.contains("flags/broken.png"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("b")))
    try FileManager.default.removeItem(atPath: data + "/val")
    let unsplit = try Tool.run(Self.arguments(data, folder.file("c")) + ["--val-fraction", "0"])
    #expect(unsplit.status == 0 && unsplit.error.contains("there are no validation images"))
    try FileManager.default.removeItem(atPath: data + "/train/animals")
    try FileManager.default.removeItem(atPath: data + "/train/music")
    let single = try Tool.run(Self.arguments(data, folder.file("d")))
    #expect(single.status == 3 && single.error.contains("only one class ('flags')"))
  }
}
