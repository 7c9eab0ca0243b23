import Checkpoint
import Foundation

/// `metrics.jsonl`: one JSON object a line, for every update and every epoch.
public final class MetricsLog {
  private let path: String
  private let handle: FileHandle

  /// Opens the log of a run and drops what lies behind `state`: a run that was stopped hard may have
  /// written further than its last checkpoint.
  init(_ path: String, after state: TrainingState) throws {
    self.path = path
    let kept = MetricsLog.read(path).filter { line in
      switch line["kind"]?.string {
      case "epoch": (line["epoch"]?.int ?? .max) < state.epoch
      default: (line["update"]?.int ?? .max) <= state.updates
      }
    }
    let file = try OutputFile(path, overwrite: true)
    for line in kept { try file.write(line.text() + "\n") }
    try file.commit()
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw Failure.system("opening", file: path)
    }
    self.handle = handle
    try handle.seekToEnd()
  }

  deinit { try? handle.close() }

  func append(_ line: JSON) throws {
    do { try handle.write(contentsOf: Data((line.text() + "\n").utf8)) } catch {
      throw Failure(
        .resource, "writing failed", file: path, remedy: "check the free space of the disk")
    }
  }

  /// The lines of a log; a last line that was cut off is left out.
  public static func read(_ path: String) -> [JSON] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    return data.split(separator: UInt8(ascii: "\n")).compactMap { try? JSON(parsing: $0) }
  }
}
