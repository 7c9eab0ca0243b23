import Foundation
import VTCheckpoint

extension LearningRateFinder {
  /// A page with the loss over the rate, which stands alone.
  /// - Throws: `Failure` where the file cannot be written.
  package func writePage(to path: String, overwrite: Bool) throws {
    func curve(_ name: String, colour: Int, _ value: (Point) -> Double) -> LineChart.Curve {
      LineChart.Curve(
        name: name, points: points.map { (log10($0.rate), value($0)) }, colour: colour, isFaint: colour > 0)
    }
    let chart = LineChart(
      "Loss by learning rate",
      [curve("each batch", colour: 1, \.loss), curve("smoothed", colour: 0, \.smoothed)],
      axis: .learningRates)
    let answer =
      suggestion.map { "Suggested: --learning-rate \(Self.text($0))" } ?? "No rate lowers the loss."
    let rows = points.map {
      "<tr><td>\(Self.text($0.rate))</td><td>\(String(format: "%.4f", $0.loss))</td><td>\(String(format: "%.4f", $0.smoothed))</td></tr>"
    }
    let file = try OutputFile(path, overwrite: overwrite)
    try file.write(
      PageStyle.page(
        "Learning rates",
        """
        <h1>Learning rates</h1><p>\(answer)</p>
        <div class="charts">\(chart.html)</div>
        <p>The rate grows from update to update. It should be where the loss falls, well before it rises again.</p>
        <details><summary>Numbers</summary><table><tr><th>rate</th><th>loss</th><th>smoothed</th></tr>\(rows.joined())</table></details>
        """))
    try file.commit()
  }

  package static func text(_ rate: Double) -> String {
    String(format: "%.1e", rate).replacing("e-0", with: "e-")
  }
}
