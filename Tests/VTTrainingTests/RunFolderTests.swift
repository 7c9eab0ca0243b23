import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining
@testable import VTTensor

/// What is read back from a run folder is held to the rules of the command line.
struct RunFolderTests {
  private static let huge = JSON.number("1000000000000000000")

  @Test func configurationsThatMakeNoSenseAreNamed() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let (stopped, run) = (folder.file("stopped"), folder.file("run"))
    try RunEditing.stopped(data, stopped)
    let edits: [(String, JSON?)] = [
      ("recipe.batchSize", .int(0)), ("recipe.batchSize", .int(-4)), ("recipe.batchSize", Self.huge),
      ("recipe.epochs", .int(-1)), ("recipe.epochs", .number("10000000000000000000")),
      ("recipe.epochs", Self.huge),
      ("recipe.seed", .int(-1)), ("recipe.learningRate", .string("x")),
      ("recipe.learningRate", .number("1e400")),
      ("recipe.learningRate", .number("1e300")), ("recipe.labelSmoothing", .int(5)),
      ("recipe.dropPath", .int(2)),
      ("recipe.dropout", .int(1)), ("recipe.optimizer.clipNorm", .int(-1)),
      ("recipe.optimizer.beta2", .int(1)),
      ("recipe.validationFraction", .int(2)), ("recipe.warmupEpochs", .int(-3)),
      ("recipe.schedule", .string("cos")),
      ("recipe.flipProbability", .int(7)), ("recipe.cropScale", .array([.int(0), .int(1)])),
      ("recipe.drloc.pairs", .int(0)), ("recipe.drloc.scheduleWarmupEpochs", .int(-1)),
      ("recipe.newThing", .int(7)), ("recipe.drloc.newThing", .int(7)), ("recipe.version", .int(99)),
      ("recipe.optimizer.name", .string("adam")), ("recipe.optimizer.name", nil),
      ("recipe.optimizer", .int(3)), ("recipe.distillationMode", .string("soft")), ("teacher", .int(1)),
      ("teacher", .object(["checkpoint": .string("a"), "model": .object([:])])),
      ("recipe.seed", nil), ("recipe.optimizer", nil), ("recipe.drloc.pairs", nil), ("recipe", nil),
      ("recipe", .array([])), ("data", nil), ("classes", nil), ("classes", .array([.string("a")])),
      ("classes", .array([.int(1), .int(2), .int(3)])), ("preprocessing", nil),
      ("exports", .array([.int(1)])),
      ("instructions", .string("sse")), ("test_split", .string("no")), ("format", .int(99)),
      ("format", .string("a")),
      ("model.num_classes", .number("1000000000")), ("model.depth", .number("1000000000")),
      ("model.depth", .int(1 << 20)), ("model.patch_size", .int(0)), ("model.num_heads", .int(0)),
      ("model.image_size", .number("2147483648")), ("preprocessing.mean", .array([.int(0)])),
      ("preprocessing.std", .list([0, 0, 0])), ("preprocessing.size", .int(1_000_000)),
      ("preprocessing.image_size", .int(1_000_000)), ("preprocessing.crop", .int(0)),
    ]
    for (key, value) in edits {
      try RunEditing.copy(stopped, run)
      try RunEditing.setConfiguration(run, key, value)
      let failure = #expect(throws: Failure.self, "\(key) \(value?.text() ?? "gone")") {
        try RunEditing.resume(data, run)
      }
      let name = key.split(separator: ".").last ?? ""
      #expect(
        failure?.kind == .badInput && failure?.file?.hasSuffix("config.json") == true,
        "\(failure?.description ?? "")")
      #expect(failure?.problem.contains(name) == true, "\(failure?.description ?? "")")
    }
    try RunEditing.setConfiguration(run, "format", .int(99))
    let newer = #expect(throws: Failure.self) { try RunFolder.open(run).readConfiguration() }
    #expect(
      newer?.problem
        == "the run folder is of a newer version of VTKit (format 99; this version knows up to 3)")
  }

  @Test func statesThatMakeNoSenseAreNamed() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let (stopped, run) = (folder.file("stopped"), folder.file("run"))
    try RunEditing.stopped(data, stopped)
    let edits: [(String, JSON)] = [
      ("epoch", .int(-1)), ("epoch", .int(.max)), ("batch", .int(-1)), ("batch", .int(5)),
      ("batch", .int(1 << 62)),
      ("updates", .int(-5)), ("updates", .int(.max)), ("updates", .int(7)), ("best_epoch", .int(-7)),
      ("best_epoch", .int(1)), ("best_accuracy", .string("x")), ("best_accuracy", .int(2)),
      ("sums.count", .int(-1)), ("sums.correct", .int(.max)), ("sums.loss", .null),
      ("sums.loss", .number("1e999")),
      ("finished", .int(1)), ("extra", .int(1)),
    ]
    for (key, value) in edits {
      try RunEditing.copy(stopped, run)
      try RunEditing.setState(run + "/checkpoints/last.safetensors", key, value)
      let failure = #expect(throws: Failure.self, "\(key)") { try RunEditing.resume(data, run) }
      #expect(failure?.kind == .badInput && failure?.file?.hasSuffix("last.safetensors") == true)
      #expect(failure?.problem.contains("'\(key)'") == true, "\(key): \(failure?.description ?? "")")
    }
  }

  /// A folder of the version before: no format, no nulls, no digests, and keys that came later are missing.
  @Test func foldersOfAnEarlierVersionGoOn() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let whole = try TrainerTests.trainer(data, folder.file("whole"), recipe: TrainerTests.recipe(epochs: 3))
    try whole.run()
    let run = folder.file("run")
    try RunEditing.stopped(data, run)
    for key in ["format", "matrix_library", "test_split", "instructions", "provenance", "recipe.recomputes"] {
      try RunEditing.setConfiguration(run, key, nil)
    }
    for key in ["recipe.drloc.scheduleWarmupEpochs"] { try RunEditing.setConfiguration(run, key, nil) }
    for name in ["last", "best"] {
      try RunEditing.rewrite(run + "/checkpoints/\(name).safetensors", sealed: false) {
        $0.metadata[ContentDigest.key] = nil
      }
    }
    try FileManager.default.removeItem(atPath: run + "/checkpoints/previous.safetensors")
    try FileManager.default.removeItem(atPath: run + "/exports.json")
    let (resumed, warnings) = try RunEditing.resume(data, run)
    #expect(
      warnings == [
        "the run folder is of an earlier version of VTKit, whose recipe does not say recomputes: the usual values are taken"
      ])
    #expect(try TrainerTests.bits(resumed) == TrainerTests.bits(whole))
  }

  @Test func damagedMetricsAreToldAndMended() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let (stopped, run) = (folder.file("stopped"), folder.file("run"))
    try RunEditing.stopped(data, stopped)
    let text = try String(contentsOfFile: stopped + "/metrics.jsonl", encoding: .utf8)
    var lines = text.split(separator: "\n").map(String.init)
    try #require(lines.count == 7)
    lines[2] = "{{{"
    lines.insert(lines[1], at: 4)
    let damaged = Data((lines.joined(separator: "\n") + "\n").utf8)
    let cases: [(Data?, String)] = [
      (
        damaged,
        "metrics.jsonl: 2 lines are damaged and left out, the first line 3; 1 of 6 updates and 0 of 1 epochs have no line; the report's curves lack them"
      ),
      (
        Data(text.dropLast(30).utf8),
        "metrics.jsonl: line 7 is damaged and left out; 1 of 6 updates and 0 of 1 epochs have no line; the report's curves lack them"
      ),
      (
        nil,
        "metrics.jsonl: the file is missing; 6 of 6 updates and 1 of 1 epochs have no line; the report's curves lack them"
      ),
    ]
    for (content, warning) in cases {
      try RunEditing.copy(stopped, run)
      try FileManager.default.removeItem(atPath: run + "/metrics.jsonl")
      try content?.write(to: URL(fileURLWithPath: run + "/metrics.jsonl"))
      let (resumed, warnings) = try RunEditing.resume(data, run)
      #expect(warnings == [warning])
      let updates = MetricsLog.read(resumed.folder.metricsPath).filter { $0["kind"]?.string == "update" }
        .compactMap { $0["update"]?.int }
      #expect(updates == updates.sorted() && Set(updates).count == updates.count && updates.last == 12)
    }
    // What was written behind the checkpoint, cut off in the middle, is not damage.
    try RunEditing.copy(stopped, run)
    try Data((text + "{\"kind\":\"upd").utf8).write(to: URL(fileURLWithPath: run + "/metrics.jsonl"))
    #expect(try RunEditing.resume(data, run).warnings == [])
    try RunEditing.copy(stopped, run)
    try FileManager.default.removeItem(atPath: run + "/metrics.jsonl")
    try FileManager.default.createDirectory(atPath: run + "/metrics.jsonl", withIntermediateDirectories: true)
    let failure = #expect(throws: Failure.self) { try RunEditing.resume(data, run) }
    #expect(failure?.file?.hasSuffix("metrics.jsonl") == true && failure?.kind == .badInput)
  }

  /// What a process leaves that was stopped before its run had begun is not in the way.
  @Test func unbegunRunsAreBegunAgain() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let run = folder.file("run")
    try RunEditing.stopped(data, run)
    // As the process leaves it that is killed before config.json is written.
    for name in [
      "config.json", "metrics.jsonl", "checkpoints/best.safetensors", "checkpoints/previous.safetensors",
    ] {
      try FileManager.default.removeItem(atPath: run + "/" + name)
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: run) where name.hasPrefix("events") {
      try FileManager.default.removeItem(atPath: run + "/" + name)
    }
    let foreign = #expect(throws: Failure.self) { try RunFolder.create(run, overwrite: false) }
    #expect(foreign?.problem == "the output folder is not empty and holds no run")
    try Data("{\"host\":\"\(HostName.own)\",\"process\":999999999}".utf8)
      .write(to: URL(fileURLWithPath: run + "/run.lock"))
    let failure = #expect(throws: Failure.self) { try RunFolder.open(run) }
    #expect(failure?.problem == "the run was stopped before its beginning was saved (config.json is missing)")
    let again = try TrainerTests.trainer(data, run, recipe: TrainerTests.recipe(epochs: 1))
    try again.run()
  }

  @Test func foldersThatCannotBeMadeSayWhy() throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    try Data().write(to: URL(fileURLWithPath: folder.file("file")))
    let failure = #expect(throws: Failure.self) { try TrainerTests.trainer(data, folder.file("file/run")) }
    #expect(
      failure?.problem == "making the run folder failed (Not a directory)", "\(failure?.description ?? "")")
  }
}
