import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

/// Run folders that others use, or that come from others.
@Suite(.serialized)
struct ResumeTests {
  private static let refused = "the run folder is in use by process"

  private static func wait(_ process: Process, for path: String, lines: Int) {
    while process.isRunning,
      ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n").count < lines
    { usleep(2000) }
  }

  @Test func oneProcessTrainsInAFolder() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    let run = folder.file("run")
    let arguments = FinetuneTests.arguments(data, run, epochs: 500)
    let (process, _, _) = try Tool.start(arguments)
    Self.wait(process, for: run + "/metrics.jsonl", lines: 6)
    for call in [["finetune", "--resume", run], arguments + ["--force"]] {
      let second = try Tool.run(call)
      #expect(second.status == 2, "\(second.error)")
      #expect(second.error.contains(Self.refused + " \(process.processIdentifier) on "), "\(second.error)")
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    // A lock that a killed process left is not an obstacle; one of another machine is.
    let lock = run + "/run.lock"
    #expect(FileManager.default.fileExists(atPath: lock))
    try Data("{\"host\":\"elsewhere\",\"process\":1,\"start\":\"\"}".utf8).write(
      to: URL(fileURLWithPath: lock))
    let other = try Tool.run("finetune", "--resume", run, "--epochs", "2")
    #expect(other.status == 2 && other.error.contains(Self.refused + " 1 on elsewhere"), "\(other.error)")
    #expect(other.error.contains("remove \(lock)"), "\(other.error)")
    // The same number, another process.
    var name = [CChar](repeating: 0, count: 256)
    #expect(gethostname(&name, 255) == 0)
    let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try Data("{\"host\":\"\(host)\",\"process\":\(getpid()),\"start\":\"long ago\"}".utf8)
      .write(to: URL(fileURLWithPath: lock))
    let (resumed, _, _) = try Tool.start(["finetune", "--resume", run])
    var holder = ""
    while resumed.isRunning, !holder.contains("\(resumed.processIdentifier)") {
      holder = (try? String(contentsOfFile: lock, encoding: .utf8)) ?? ""
      usleep(2000)
    }
    #expect(holder.contains("\"process\":\(resumed.processIdentifier)"), "\(holder)")
    kill(resumed.processIdentifier, SIGKILL)
    resumed.waitUntilExit()
  }

  /// A process can be killed after the run's end, too, while it writes how long it took.
  @Test func whatKilledProcessesLeftGoesWithTheNext() throws {
    let folder = try TemporaryFolder()
    let run = folder.file("run")
    let first = try Tool.run(FinetuneTests.arguments(try FinetuneTests.data(folder, perClass: 4), run))
    #expect(first.status == 0, "\(first.error)")
    // No process has such a number.
    let left = ["sessions.jsonl", "config.json", "report.html", "exports.json"].map {
      "\(run)/\($0).partial-999999999"
    }
    for path in left { try Data("half".utf8).write(to: URL(fileURLWithPath: path)) }
    let next = try Tool.run("finetune", "--resume", run)
    #expect(next.status == 0, "\(next.error)")
    #expect(left.filter { FileManager.default.fileExists(atPath: $0) }.isEmpty)
  }

  @Test func ofTwoThatBeginAtOnceOneWins() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    let run = folder.file("run")
    let both = try (0..<2).map { _ in try Tool.start(FinetuneTests.arguments(data, run, epochs: 3)) }
    let errors = both.map { String(decoding: $0.2.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
    both.forEach { $0.0.waitUntilExit() }
    let statuses = both.map(\.0.terminationStatus)
    #expect(statuses.sorted() == [0, 2], "\(errors)")
    let loser = errors[statuses[0] == 2 ? 0 : 1]
    #expect(loser.contains("in use") || loser.contains("holds a run already"), "\(loser)")
    let metrics = try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)
    #expect(metrics.split(separator: "\n").count { $0.contains("\"kind\":\"epoch\"") } == 3)
  }

  /// Changes the exports that a run folder names.
  private static func setExports(_ run: String, _ exports: [String]) throws {
    let url = URL(fileURLWithPath: run + "/config.json")
    let json = try JSON(parsing: Data(contentsOf: url))
    try Data(json.merging(["exports": .array(exports.map { .string($0) })]).text().utf8).write(to: url)
  }

  @Test func aResumeWritesOnlyWhereItWasAskedTo() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    let (run, own) = (folder.file("run"), folder.file("own.npz"))
    let begun = try Tool.run(FinetuneTests.arguments(data, run) + ["--export", own])
    #expect(begun.status == 0, "\(begun.error)")
    // What the run wrote itself is written again.
    let first = try Data(contentsOf: URL(fileURLWithPath: own))
    let again = try Tool.run("finetune", "--resume", run)
    #expect(again.status == 0 && again.output.contains("exported \(own)"), "\(again.error)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: own)) == first)
    // A run that was stopped before its exports were written goes on to them.
    try FileManager.default.removeItem(atPath: own)
    #expect(try Tool.run("finetune", "--resume", run).status == 0)
    #expect(FileManager.default.fileExists(atPath: own))
    // Somebody else's file in its place.
    try Data("precious".utf8).write(to: URL(fileURLWithPath: own))
    let changed = try Tool.run("finetune", "--resume", run)
    #expect(
      changed.status == 2 && changed.error.contains("is not the file that this run wrote"), "\(changed.error)"
    )
    #expect(try String(contentsOfFile: own, encoding: .utf8) == "precious")
    #expect(try Tool.run("finetune", "--resume", run, "--force").status == 0)

    let victim = folder.file("victim.safetensors")
    for exists in [true, false] {
      if exists { try Data("precious".utf8).write(to: URL(fileURLWithPath: victim)) }
      try Self.setExports(run, ["native:" + victim])
      let refused = try Tool.run("finetune", "--resume", run)
      #expect(refused.status == 3 && refused.error.contains("not asked for here"), "\(refused.error)")
      #expect(refused.error.contains("--export native:" + victim))
      #expect(FileManager.default.fileExists(atPath: victim) == exists)
      if exists { try FileManager.default.removeItem(atPath: victim) }
    }
    #expect(try Tool.run("finetune", "--resume", run, "--export", "native:" + victim).status == 0)
    #expect(FileManager.default.fileExists(atPath: victim))
    try Self.setExports(run, ["native:\(run)/checkpoints/last.safetensors"])
    let among = try Tool.run("finetune", "--resume", run)
    #expect(among.status == 3 && among.error.contains("among the run's own files"), "\(among.error)")
    let new = try Tool.run(
      FinetuneTests.arguments(data, folder.file("new")) + ["--export", folder.file("new/checkpoints/x.npz")])
    #expect(new.status == 2 && new.error.contains("among the run's own files"), "\(new.error)")
  }

  /// A run folder that was copied may be somebody else's.
  @Test func copiedFoldersWriteNothingOutside() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    let (run, copy, own) = (folder.file("run"), folder.file("copy"), folder.file("own.npz"))
    let begun = try Tool.run(
      FinetuneTests.arguments(data, run) + ["--export", own, "--export", run + "/inside.npz"])
    #expect(begun.status == 0, "\(begun.error)")
    try FileManager.default.copyItem(atPath: run, toPath: copy)
    let refused = try Tool.run("finetune", "--resume", copy)
    #expect(refused.status == 3 && refused.error.contains("not asked for here"), "\(refused.error)")
  }

  @Test func otherMatrixLibrariesAreTold() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    let run = folder.file("run")
    #expect(try Tool.run(FinetuneTests.arguments(data, run)).status == 0)
    #expect(try !Tool.run("finetune", "--resume", run).error.contains("last bits"))
    let url = URL(fileURLWithPath: run + "/config.json")
    let json = try JSON(parsing: Data(contentsOf: url))
    try Data(json.merging(["matrix_library": .string("OpenBLAS 0.0.1, kernels Cray")]).text().utf8).write(
      to: url)
    let other = try Tool.run("finetune", "--resume", run)
    #expect(other.status == 0 && other.error.contains("the run was begun with OpenBLAS 0.0.1, kernels Cray"))
  }

  /// Whoever reads a run's weights checks them.
  @Test func damagedWeightsOfARunAreNoticed() throws {
    let folder = try TemporaryFolder()
    let data = try FinetuneTests.data(folder)
    let run = folder.file("run")
    #expect(try Tool.run(FinetuneTests.arguments(data, run)).status == 0)
    let best = run + "/checkpoints/best.safetensors"
    let whole = try Tool.run("evaluate", "--checkpoint", run, "--data", data)
    #expect(whole.status == 0, "\(whole.error)")
    // The last tensor of the classifier's.
    let store = try CheckpointFile.open(best)
    let bias = try #require(store["head.bias"]).bytes().array
    var bytes = try Data(contentsOf: URL(fileURLWithPath: best))
    let at = try #require(bytes.range(of: Data(bias))).lowerBound
    bytes[at] ^= 1
    try bytes.write(to: URL(fileURLWithPath: best))
    let calls = [
      ["evaluate", "--checkpoint", run, "--data", data],
      ["predict", "--checkpoint", best, Fixtures.reference + "/augment/b.png"],
      ["convert", run, folder.file("out.npz")],
      ["compare", best, best],
      ["finetune", "--checkpoint", run, "--data", data, "--output", folder.file("other")],
    ]
    for call in calls {
      let outcome = try Tool.run(call)
      #expect(
        outcome.status == 3 && outcome.error.contains("its digest differs"), "\(call): \(outcome.error)")
      #expect(outcome.error.contains("best.safetensors"), "\(outcome.error)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("out.npz")))
    // Its digest does not travel to other files, where it would say something else.
    let raw = folder.file("raw.safetensors")
    #expect(
      try Tool.run("convert", run + "/checkpoints/last.safetensors", raw, "--raw", "--dtype", "f16").status
        == 0)
    #expect(try CheckpointFile.open(raw).metadata[ContentDigest.key] == nil)
  }
}
