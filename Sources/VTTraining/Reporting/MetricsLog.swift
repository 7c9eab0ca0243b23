import Foundation
import VTCheckpoint
import VTCore

/// `metrics.jsonl`: one JSON object a line, for every update and every epoch.
package final class MetricsLog {
  private let path: String
  private let descriptor: Int32
  /// What was wrong with the lines that were there.
  let remark: String?

  /// Opens the log of a run and drops what follows `state`: a run that was stopped hard may have
  /// written further than its last checkpoint.
  /// - Throws: `Failure` if something else is in the file's place, or it cannot be written.
  init(_ path: String, after state: TrainingState) throws {
    self.path = path
    let found = try Lines(path, after: state)
    remark = found.remark(state)
    let file = try OutputFile(path, overwrite: true)
    for line in found.kept { try file.write(line.text() + "\n") }
    try file.commit()
    descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure.system("opening", file: path) }
  }

  deinit { close(descriptor) }

  func append(_ line: JSON) throws {
    var rest = Array((line.text() + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system("writing", file: path) }
      rest = rest.dropFirst(count)
    }
  }

  /// A number of each epoch, at the epoch's end.
  /// - Parameter epochs: the epochs' lines.
  static func curve(_ name: String, _ epochs: [JSON], times factor: Double = 1) -> [(x: Double, y: Double)] {
    epochs.compactMap { line in
      guard let epoch = line["epoch"]?.int, let y = line[name]?.double, y.isFinite else { return nil }
      return (Double(epoch + 1), y * factor)
    }
  }

  /// The lines of a log; other lines are left out.
  package static func read(_ path: String) -> [JSON] {
    guard let data = try? RunFile.read(path) else { return [] }
    return data.split(separator: UInt8(ascii: "\n")).compactMap { try? JSON(parsing: $0) }
  }
}

/// A log's lines up to a state, each update and each epoch once.
private struct Lines {
  var kept: [JSON] = []
  private var (updates, epochs) = (0, 0)
  private var isMissing = false
  private var junk = 0
  private var firstJunk = 0

  init(_ path: String, after state: TrainingState) throws {
    guard let data = try RunFile.read(path) else {
      isMissing = true
      return
    }
    var (lastUpdate, lastEpoch) = (0, -1)
    for (index, text) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    {
      // Behind the last line's end; or a line that was cut off when everything up to the state was there already.
      let isEnd = updates == state.updates && epochs == state.epoch
      if text.isEmpty || isEnd { continue }
      guard let line = try? JSON(parsing: text), let update = line["update"]?.int else {
        note(index)
        continue
      }
      switch line["kind"]?.string {
      case "update":
        if update > state.updates { continue }
        guard update > lastUpdate else {
          note(index)
          continue
        }
        lastUpdate = update
        updates += 1
      case "epoch":
        guard let epoch = line["epoch"]?.int else {
          note(index)
          continue
        }
        if epoch >= state.epoch { continue }
        guard epoch > lastEpoch else {
          note(index)
          continue
        }
        lastEpoch = epoch
        epochs += 1
      default:
        note(index)
        continue
      }
      kept.append(line)
    }
  }

  private mutating func note(_ index: Int) {
    if junk == 0 { firstJunk = index + 1 }
    junk += 1
  }

  /// In words; nil where every line is there.
  func remark(_ state: TrainingState) -> String? {
    let (updates, epochs) = (state.updates - updates, state.epoch - epochs)
    guard junk > 0 || updates > 0 || epochs > 0 else { return nil }
    var parts: [String] = []
    if isMissing { parts.append("the file is missing") }
    if junk == 1 { parts.append("line \(firstJunk) is damaged and left out") }
    if junk > 1 { parts.append("\(junk) lines are damaged and left out, the first line \(firstJunk)") }
    if updates > 0 || epochs > 0 {
      parts.append(
        "\(updates) of \(state.updates) updates and \(epochs) of \(state.epoch) epochs have no line")
    }
    return "metrics.jsonl: " + parts.joined(separator: "; ") + "; the report's curves lack them"
  }
}
