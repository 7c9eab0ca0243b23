import Foundation
import VTCore

/// What the network's probabilities are worth, and where it was sure and wrong.
extension ReportPage {
  private static let mostMistakes = 24

  var calibration: String {
    guard !sets.isEmpty else { return "" }
    let charts = sets.map { name, evaluation in
      let calibration = Calibration(evaluation)
      let gap = calibration.overconfidence
      let tendency =
        abs(gap) < 0.005
        ? "on the whole neither too sure nor too unsure"
        : "on the whole \(Format.percent(abs(gap))) too \(gap > 0 ? "sure" : "unsure")"
      return """
        <div><h3>On the \(name) images</h3>
        <p>Expected calibration error: <b>\(Format.percent(calibration.expectedError))</b>; \(tendency).</p>
        \(ReliabilityChart(calibration: calibration).html)</div>
        """
    }
    return """
      <p>Predictions are put into ten bins by the probability of the predicted class. In each bin, the part that is right \
      should be the mean probability (the dashed line); the expected calibration error is their distance, averaged over all \
      predictions.</p>
      <div class="charts">\(charts.joined())</div>
      """
  }

  var mistakes: String {
    guard let evaluation, evaluation.count > 0 else { return "" }
    let wrong = evaluation.predictions.filter { $0.label != $0.predicted }
      .sorted { ($1.confidence, $0.path) < ($0.confidence, $1.path) }.prefix(Self.mostMistakes)
    guard !wrong.isEmpty else { return "<p>None.</p>" }
    let items = wrong.map { prediction in
      """
      <div>\(Thumbnail.tag(prediction.sample, of: data))\(name(prediction.label).htmlEscaped), taken for \
      <b>\(name(prediction.predicted).htmlEscaped)</b> (\(Self.probability(prediction.confidence)); its own class \
      \(Self.probability(prediction.labelProbability)))<br>\
      <span class="dim">\(((prediction.path as NSString).lastPathComponent).htmlEscaped)</span></div>
      """
    }
    return "<div class=\"pictures\">" + items.joined() + "</div>"
  }

  /// Never 100 %, which nothing is.
  private static func probability(_ value: Float) -> String {
    value >= 0.9995 ? "&gt; 99.9 %" : String(format: "%.1f %%", 100 * value)
  }
}
