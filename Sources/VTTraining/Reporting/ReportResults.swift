import VTCore

/// What the run came to, on top of the page.
extension ReportPage {
  var results: String {
    headline + (state.stopReason.map { "<p>Stopped early: \($0.htmlEscaped).</p>" } ?? "") + table
  }

  private var headline: String {
    guard let evaluation, evaluation.count > 0 else {
      return "<p>There were no validation images, so accuracy was not measured.</p>"
    }
    let planned = configuration.recipe.epochs
    let early = state.isFinished && state.epoch < planned ? " (stopped early after \(state.epoch))" : ""
    return """
      <p><span class="big">\(Format.percent(evaluation.accuracy))</span> of \
      \(evaluation.count.counted("validation image")) right (\(evaluation.correct)), best epoch \
      \((state.bestEpoch ?? 0) + 1) of \(planned)\(early)</p>
      """
  }

  /// Figures of both sets, side by side.
  private var table: String {
    guard !sets.isEmpty else { return "" }
    func row(_ title: String, _ value: (Evaluation) -> String) -> String {
      "<tr><th>\(title)</th>" + sets.map { "<td>\(value($0.1))</td>" }.joined() + "</tr>"
    }
    func figures(_ evaluation: Evaluation) -> ClassFigures {
      ClassFigures(evaluation, classes: classes.count)
    }
    func percents(_ interval: (low: Double, high: Double)) -> String {
      "\(Format.percent(interval.low)) to \(Format.percent(interval.high))"
    }
    var rows = [
      "<thead><tr><th></th>" + sets.map { "<th>\($0.0)</th>" }.joined() + "</tr></thead><tbody>",
      row("images") { Format.count($0.count) }, row("right") { Format.count($0.correct) },
      row("accuracy") { Format.percent($0.accuracy) },
      row("95 % interval") { percents($0.accuracyInterval) },
    ]
    if classes.count > 5 {
      rows.append(row("among the five likeliest") { Format.percent($0.top5Accuracy) })
    }
    rows += [
      row("always the largest class") { Format.percent(figures($0).largestShare) },
      row("F1, mean over classes") { ReportText.share(figures($0).means?.f1) },
      row("cross-entropy") { ReportText.share($0.loss) },
      row("calibration error") { Format.percent(Calibration($0).expectedError) },
    ]
    let unreadable = sets.map(\.1.failures.count)
    if unreadable.contains(where: { $0 > 0 }) {
      rows.append(row("unreadable") { "\($0.failures.count.counted("image"))" })
    }
    return "<div class=\"scroll\"><table class=\"figures\">" + rows.joined() + "</tbody></table></div>"
      + remark
  }

  private var remark: String {
    guard evaluation != nil else { return "" }
    let chosen = "The validation images chose the epoch, so their accuracy is a little too good"
    return "<p class=\"dim\">\(chosen)\(test == nil ? "." : "; the test images chose nothing.")</p>"
  }
}
