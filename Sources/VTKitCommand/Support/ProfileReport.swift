import VTCheckpoint
import VTCore
import VTTensor

/// A profiler's figures, a round, as a table and as JSON.
struct ProfileReport {
  private struct Row {
    let name: String
    let detail: String
    let direction: String
    let figures: Profiler.Figures
  }

  private let rounds: Int
  private let seconds: Double
  private let rows: [Row]

  /// - Parameter seconds: what all rounds took together, operations or not.
  init(_ profiler: Profiler, rounds: Int, seconds: Double) {
    self.rounds = rounds
    self.seconds = seconds
    rows = profiler.figures.map { key, figures in
      Row(
        name: key.name, detail: key.detail, direction: key.isBackward ? "backward" : "forward",
        figures: figures)
    }.sorted { ($1.figures.seconds, $0.detail) < ($0.figures.seconds, $1.detail) }
  }

  /// The kinds of operation, and after them the costliest sizes.
  func text(roof: Double) -> String {
    var kinds: [String: Row] = [:]
    for row in rows {
      let id = row.name + "/" + row.direction
      let sum = (kinds[id]?.figures ?? Profiler.Figures()) + row.figures
      kinds[id] = Row(name: row.name, detail: "", direction: row.direction, figures: sum)
    }
    let sorted = kinds.values.sorted { ($1.figures.seconds, $0.name) < ($0.figures.seconds, $1.name) }
    let inside = rows.reduce(0) { $0 + $1.figures.seconds }
    var rest = Profiler.Figures()
    rest.seconds = max(0, seconds - inside)
    let between = Row(name: "between operations", detail: "", direction: "", figures: rest)
    return "a round of \(rounds), by operation\n" + table(sorted + [between], roof: roof, sizes: false)
      + "\n\nthe costliest sizes (inputs -> output)\n"
      + table(Array(rows.prefix(20)), roof: roof, sizes: true)
  }

  private func table(_ rows: [Row], roof: Double, sizes: Bool) -> String {
    var table = Table(
      ("operation", .left), ("", .left), ("calls", .right), ("ms", .right), ("share", .right),
      ("MB", .right), ("GB/s", .right), ("GFLOP/s", .right), ("of roof", .right),
      (sizes ? "sizes" : "", .left))
    for row in rows {
      let f = row.figures
      let speed = f.seconds > 0 ? Double(f.flops) / f.seconds : 0
      table.add(
        row.name, row.direction, f.calls == 0 ? "" : "\(f.calls / rounds)",
        Format.fixed(1000 * f.seconds / Double(rounds), 1), Format.percent(f.seconds / seconds),
        f.bytes == 0 ? "" : Format.fixed(Double(f.bytes) / Double(rounds) * 1e-6, 1),
        f.bytes == 0 ? "" : Format.fixed(Double(f.bytes) / f.seconds * 1e-9, 1),
        f.flops == 0 ? "" : Format.fixed(speed * 1e-9, 1),
        f.flops == 0 ? "" : Format.percent(speed / roof), sizes ? row.detail : "")
    }
    return table.text
  }

  var json: JSON {
    .object([
      "seconds": .double(seconds / Double(rounds)),
      "operations": .array(
        rows.map { row in
          let f = row.figures
          return .object([
            "operation": .string(row.name), "sizes": .string(row.detail),
            "direction": .string(row.direction), "calls": .int(f.calls / rounds),
            "seconds": .double(f.seconds / Double(rounds)), "bytes": .int(f.bytes / rounds),
            "matrix_operations": .int(f.flops / rounds),
          ])
        }),
    ])
  }
}
