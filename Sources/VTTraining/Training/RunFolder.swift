import Foundation
import VTCheckpoint
import VTCore
import VTTensor

/// The folder of one training run: `config.json`, `metrics.jsonl`, `pictures.jsonl`, `sessions.jsonl`, TensorBoard
/// events, `checkpoints/`, `report.html`, and while a process trains, `run.lock`.
package struct RunFolder: Sendable {
  package let path: String
  private var overwrites = false

  package var configPath: String { path + "/config.json" }
  package var metricsPath: String { path + "/metrics.jsonl" }
  package var reportPath: String { path + "/report.html" }
  package var exportsPath: String { path + "/exports.json" }
  var listingPath: String { path + "/pictures.jsonl" }
  var lockPath: String { path + "/run.lock" }
  var checkpointsPath: String { path + "/checkpoints" }
  package var lastPath: String { checkpointsPath + "/last.safetensors" }
  /// What `last` was before it.
  package var previousPath: String { checkpointsPath + "/previous.safetensors" }
  package var bestPath: String { checkpointsPath + "/best.safetensors" }

  init(path: String) { self.path = path }

  /// A new run's folder. Nothing is made or removed before `prepare`.
  /// - Parameter overwrite: whether an earlier run in it may be replaced.
  /// - Throws: `Failure` where the folder holds a run already, or something else.
  package static func create(_ path: String, overwrite: Bool) throws -> RunFolder {
    var run = RunFolder(path: path)
    run.overwrites = overwrite
    try run.checkPlace()
    return run
  }

  private func checkPlace() throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return }
    guard isFolder.boolValue else {
      throw Failure(.usage, "the output is a file, not a folder", file: path)
    }
    let content = try content()
    if isUnbegun(content) { return }
    guard content.contains("config.json") else {
      throw Failure(
        .usage, "the output folder is not empty and holds no run", file: path,
        hint: "choose another folder")
    }
    guard overwrites else {
      throw Failure(
        .usage, "the output folder holds a run already", file: path,
        hint: "continue it with --resume \(path), or replace it with --force")
    }
  }

  /// Whether there is nothing in the folder, or what a process made that was stopped before its run had begun: `config.json`
  /// is written last. Its lock is left where it had no time to tidy up.
  private func isUnbegun(_ content: [String]) -> Bool {
    let made = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
    let own: Set = ["run.lock", "exports.json", "pictures.jsonl", "checkpoints"]
    func isPartial(_ name: String) -> Bool { name.contains(".partial-") }
    let isPlain = content.allSatisfy { own.contains($0) || isPartial($0) }
    let isEmpty = made.allSatisfy(isPartial)
    return isPlain
      && (isEmpty
        || content.contains("run.lock")
          && made.allSatisfy { isPartial($0) || $0 == "last.safetensors" || $0 == "teacher.safetensors" })
  }

  /// Makes the folder, takes it for this process, and removes an earlier run's files.
  /// - Throws: `Failure` where another process uses it, or has begun a run in it.
  func prepare() throws -> RunLock {
    try Self.makeFolder(path)
    let lock = try RunLock(self)
    try checkPlace()
    removeRun()
    try Self.makeFolder(checkpointsPath)
    return lock
  }

  /// What a run writes, but for its checkpoints, adapters and TensorBoard's events.
  private static let files = [
    "config.json", "metrics.jsonl", "pictures.jsonl", "sessions.jsonl", "report.html", "exports.json",
  ]

  /// Whether what has this name in a run folder is the run's, the lock aside.
  package static func isOwn(_ name: String) -> Bool {
    files.contains(name) || ["checkpoints", "adapter"].contains(name) || name.hasPrefix(TensorBoardLog.prefix)
  }

  /// Removes what killed processes left of writing them, and of giving checkpoints a second name. Not all are written again
  /// when a run goes on, a finished one least of all.
  func removeStale() {
    for file in Self.files.map({ path + "/" + $0 }) + [bestPath, previousPath] {
      OutputFile.removeStale(of: file)
    }
  }

  /// Removes all that a run has, but not the lock. Without `config.json`, which goes first, the rest is not a run.
  func removeRun() {
    func isRuns(_ name: String) -> Bool {
      Self.isOwn(name) || name.contains(".json.partial-") || name.contains(".jsonl.partial-")
    }
    let names = ((try? content()) ?? []).filter(isRuns)
    for name in names.filter({ $0 == "config.json" }) + names.filter({ $0 != "config.json" }) {
      try? FileManager.default.removeItem(atPath: path + "/" + name)
    }
  }

  /// Makes a folder and those above it that are missing.
  /// - Throws: `Failure` with the system's reason.
  package static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o777) == 0 { return }
    var code = errno
    if code == ENOENT {
      let parent = path.parentFolder
      guard parent != path else { throw Failure.system("making the run folder", file: path, code: code) }
      try makeFolder(parent)
      if mkdir(path, 0o777) == 0 { return }
      code = errno
    }
    if code == EEXIST, ModelFolder.isFolder(path) { return }
    var failure = Failure.system("making the run folder", file: path, code: code)
    if [EIO, EMLINK, ENFILE, EMFILE].contains(code) { failure.kind = .resource }
    throw failure
  }

  private func content() throws -> [String] {
    do { return try FileManager.default.contentsOfDirectory(atPath: path) } catch {
      throw Failure("the output folder cannot be read", file: path, hint: "check the permissions")
    }
  }

  /// An existing run's folder.
  package static func open(_ path: String) throws -> RunFolder {
    let run = RunFolder(path: path)
    guard FileManager.default.fileExists(atPath: run.configPath) else {
      if let content = try? run.content(), !content.isEmpty, run.isUnbegun(content) {
        throw Failure(
          "the run was stopped before its beginning was saved (config.json is missing)", file: path,
          hint: "start it again with the command that began it")
      }
      throw Failure(
        "no training run here (config.json is missing)", file: path,
        hint: "give the folder that --output named")
    }
    return run
  }

  package func writeConfiguration(_ configuration: RunConfiguration) throws {
    let file = try OutputFile(configPath, overwrite: true)
    try file.write(configuration.json.text(pretty: true) + "\n")
    try file.commit()
  }

  /// - Throws: `Failure` naming the file and the key that is missing, unknown or makes no sense.
  package func readConfiguration() throws -> RunConfiguration {
    guard let data = try RunFile.read(configPath) else {
      throw Failure.system("reading", file: configPath, code: ENOENT)
    }
    do { return try RunConfiguration(JSON(parsing: data)) } catch let failure as Failure {
      throw failure.located(file: configPath)
    }
  }
}
