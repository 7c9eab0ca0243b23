import Foundation
import VTCheckpoint

extension LearningRateFinder {
  /// A page with the loss over the rate, which stands alone.
  /// - Throws: `Failure` where the file cannot be written.
  package func writePage(to path: String, overwrite: Bool) throws {
    func curve(_ value: (Point) -> Double) -> [(Double, Double)] {
      points.map { (log10($0.rate), value($0)) }
    }
    var chart = LineChart(
      title: "Loss by learning rate", series: [("smoothed", curve(\.smoothed)), ("batch", curve(\.loss))])
    chart.ends = { (Self.text(pow(10, $0)), Self.text(pow(10, $1))) }
    let answer =
      suggestion.map { "Suggested: --learning-rate \(Self.text($0))" } ?? "No rate lowers the loss."
    let rows = points.map {
      "<tr><td>\(Self.text($0.rate))</td><td>\(String(format: "%.4f", $0.loss))</td><td>\(String(format: "%.4f", $0.smoothed))</td></tr>"
    }
    let file = try OutputFile(path, overwrite: overwrite)
    try file.write(
      """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Learning rates</title>
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <style>
      body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem; color: #1d232b; background: #fff; }
      svg { width: 100%; height: auto; } td, th { padding: .1rem 1rem .1rem 0; text-align: left; font-weight: normal; }
      </style></head><body>
      <h1>Learning rates</h1><p>\(answer)</p>
      \(chart.svg)
      <p>The rate grows from update to update. It should be where the loss falls, well before it rises again.</p>
      <details><summary>Numbers</summary><table><tr><th>rate</th><th>loss</th><th>smoothed</th></tr>\(rows.joined())</table></details>
      </body></html>

      """)
    try file.commit()
  }

  package static func text(_ rate: Double) -> String {
    String(format: "%.1e", rate).replacing("e-0", with: "e-")
  }
}
