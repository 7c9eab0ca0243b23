import VTCheckpoint
import VTCore

extension RunComparison {
  /// A page with the runs' curves over each other, which stands alone.
  /// - Throws: `Failure` where the file cannot be written.
  package func writePage(to path: String, overwrite: Bool) throws {
    let file = try OutputFile(path, overwrite: overwrite)
    try file.write(PageStyle.page("Training runs", html))
    try file.commit()
  }

  var html: String {
    let charts = [
      chart("Validation accuracy, %", "val_accuracy", times: 100), chart("Validation loss", "val_loss"),
      chart("Training loss, with all its parts", "train_loss"),
    ].joined()
    let warnings = warnings.map { "<p><b>\($0.htmlEscaped)</b></p>" }.joined()
    return """
      <h1>Training runs</h1>
      \(warnings)
      <div class="scroll"><table class="figures">\(results)</table></div>
      <div class="charts">\(charts)</div>
      \(differences.isEmpty ? "" : "<h2>What differs</h2><div class=\"scroll\"><table class=\"figures\">\(settings)</table></div>")
      """
  }

  private func chart(_ title: String, _ key: String, times factor: Double = 1) -> String {
    let curves = runs.enumerated().map { index, run in
      LineChart.Curve(
        name: run.path, points: MetricsLog.curve(key, run.epochs, times: factor),
        colour: index % PageStyle.colourCount)
    }
    return LineChart(title, curves).html
  }

  private var results: String {
    let head = ["run", "epochs", "best", "validation", "loss", "training loss", "time"]
    let rows = runs.map { run in
      [
        run.path.htmlEscaped,
        run.doneCount == run.epochCount ? "\(run.doneCount)" : "\(run.doneCount) of \(run.epochCount)",
        run.bestEpoch.map { "\($0)" } ?? "–", run.accuracy.map(Format.percent) ?? "–",
        Self.loss(run.validationLoss), Self.loss(run.trainingLoss), Format.duration(run.seconds),
      ]
    }
    return PageStyle.figures(head, rows)
  }

  private var settings: String {
    PageStyle.figures(
      ["setting"] + runs.map(\.path.htmlEscaped),
      differences.map { name, values in [name.htmlEscaped] + values.map { ($0 ?? "–").htmlEscaped } })
  }

  private static func loss(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "–" }
}
