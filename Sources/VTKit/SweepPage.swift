import Foundation
import VTCheckpoint
import VTCore
import VTTraining

/// `sweep.html`: what the settings came to, on one page with nothing to fetch.
struct SweepPage {
  let sweep: Sweep
  let result: SweepResult

  private typealias Measure = KeyPath<SweepResult.Outcome, Double?>

  func write() throws {
    let file = try OutputFile(sweep.output + "/sweep.html", overwrite: true)
    try file.write(PageStyle.page("Sweep: \(title)", html))
    try file.commit()
  }

  private var title: String { (sweep.data as NSString).lastPathComponent }

  /// What was measured, by the name of the images.
  private var measures: [(name: String, path: Measure)] {
    [("validation", \.validation), ("test", \.test)].filter { measure in
      result.settings.contains { result.summary($0, measure.1) != nil }
    }
  }

  private var html: String {
    let start = sweep.checkpoint.map { "from \($0)" } ?? "from scratch"
    return """
      <h1>Sweep</h1>
      <div class="dim">\(start.htmlEscaped), on \(sweep.data.htmlEscaped)</div>
      \(measures.isEmpty ? "<p>There were no validation and no test images, so nothing was measured.</p>" : figures)
      \(differences)
      """
  }

  private var figures: String {
    let count = sweep.settings.count * sweep.seeds.count
    let done = result.outcomes.values.reduce(0) { $0 + $1.count }
    let rest = done < count ? "<p><b>\(done) of \(count) runs are done.</b></p>" : ""
    let paired =
      result.settings.count < 2
      ? ""
      : " Differences are those from <b>\(result.settings[0].htmlEscaped)</b>, each seed's accuracy beside the one of the same seed; their ± is the deviation of these differences."
    return """
      \(rest)
      <div class="scroll"><table class="figures">\(table)</table></div>
      <p class="dim">Accuracy in %: the mean over the seeds ± its standard deviation (n - 1).\(paired)</p>
      <div class="charts">\(charts)</div>
      <p class="dim">A dot is a run, the short line across the mean, the long line a standard deviation to both sides.</p>
      """
  }

  private var table: String {
    let measures = measures
    let compares = result.settings.count > 1
    let head =
      ["setting", "seeds"]
      + measures.flatMap { compares ? [$0.name, "difference"] : [$0.name] }
    let rows = result.settings.map { setting in
      [setting.htmlEscaped, "\(result.outcomes[setting]?.count ?? 0)"]
        + measures.flatMap { _, path in
          let own = Self.text(result.summary(setting, path))
          return compares ? [own, Self.text(result.gain(setting, path), signed: true)] : [own]
        }
    }
    return PageStyle.figures(head, rows)
  }

  private var charts: String {
    measures.flatMap { name, path in
      [
        chart("Accuracy on the \(name) images, %", result.settings) { setting in
          (result.numbers(setting, path), result.summary(setting, path))
        },
        chart(
          "Difference on the \(name) images, points", Array(result.settings.dropFirst()),
          zero: result.settings[0]
        ) { setting in (result.gains(setting, path), result.gain(setting, path)) },
      ]
    }.joined()
  }

  private func chart(
    _ title: String, _ settings: [String], zero: String? = nil,
    _ numbers: (String) -> (dots: [(seed: UInt64, value: Double)], summary: SweepResult.Summary?)
  ) -> String {
    let rows = settings.compactMap { setting -> DotChart.Row? in
      let (dots, summary) = numbers(setting)
      guard let summary else { return nil }
      return DotChart.Row(
        setting,
        dots.map {
          (
            "\(setting), seed \($0.seed): \(Self.percent($0.value, signed: zero != nil))", 100 * $0.value
          )
        },
        mean: 100 * summary.mean, deviation: summary.deviation.map { 100 * $0 })
    }
    return DotChart(title, rows, zero: zero, isComparison: zero == nil && settings.count > 1).html
  }

  /// What the settings change.
  private var differences: String {
    let found = RecipeDifferences.among(sweep.settings.map { [$0.recipe.drlocSetting] + $0.recipe.settings })
    guard !found.isEmpty else { return "" }
    let head = ["setting"] + sweep.settings.map(\.name.htmlEscaped)
    let rows = found.map { name, values in [name.htmlEscaped] + values.map { ($0 ?? "–").htmlEscaped } }
    return """
      <h2>What differs</h2>
      <div class="scroll"><table class="figures">\(PageStyle.figures(head, rows))</table></div>
      """
  }

  /// `47.5 ± 1.3`, or a dash.
  static func text(_ summary: SweepResult.Summary?, signed: Bool = false) -> String {
    guard let summary else { return "–" }
    return percent(summary.mean, signed: signed)
      + (summary.deviation.map { " ± " + percent($0, signed: false) } ?? "")
  }

  private static func percent(_ value: Double, signed: Bool) -> String {
    (signed && value >= 0 ? "+" : "") + Format.fixed(100 * value, 1)
  }
}
