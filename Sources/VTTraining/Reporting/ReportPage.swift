import Foundation
import VTCheckpoint
import VTCore
import VTData

/// The page's content.
struct ReportPage {
  let configuration: RunConfiguration
  let state: TrainingState
  let evaluation: Evaluation?
  let test: Evaluation?
  let data: any ImageDataSet
  let updates: [JSON]
  let epochs: [JSON]

  private var classes: [String] { configuration.metadata.classes ?? [] }

  var html: String {
    """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>VTKit run</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1d232b; background: #fff; }
    h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
    .big { font-size: 2.2rem; font-weight: 600; } .dim { color: #69737f; }
    table { border-collapse: collapse; } td, th { padding: .2rem .7rem .2rem 0; text-align: left; vertical-align: top; font-weight: normal; } td { overflow-wrap: anywhere; }
    th { color: #69737f; } .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
    .confusion td, .confusion th { padding: .15rem .45rem; text-align: center; } .confusion th.row { text-align: right; }
    .errors { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .9rem; }
    .errors img { width: 100%; height: 8rem; object-fit: contain; background: #f2f4f6; border-radius: 4px; }
    .errors div { font-size: .8rem; line-height: 1.3; overflow-wrap: anywhere; } svg { width: 100%; height: auto; }
    </style></head><body>
    <h1>Fine-tuning run</h1>
    <div class="dim">\((configuration.checkpoint.map { "from \($0)" } ?? "from scratch").htmlEscaped), on \(configuration.data.htmlEscaped)</div>
    \(headline)\(testLine)
    <h2>Curves</h2><div class="charts">\(charts)</div>
    \(confusion)
    \(errors)
    <h2>Run</h2>\(facts)
    </body></html>

    """
  }

  private var headline: String {
    guard let evaluation else {
      return "<p>No validation images, so there is no accuracy to show.</p>"
    }
    let percent = String(format: "%.2f", 100 * evaluation.accuracy)
    return """
      <p><span class="big">\(percent) %</span> of \(evaluation.count.counted("validation image")) right \
      (\(evaluation.correct)), best epoch \((state.bestEpoch ?? 0) + 1) of \(configuration.recipe.epochs)</p>
      """
  }

  private var testLine: String {
    guard let test else { return "" }
    let percent = String(format: "%.2f", 100 * test.accuracy)
    return "<p>\(percent) % of \(test.count.counted("test image")) right (\(test.correct)).</p>"
  }

  private var charts: String {
    func series(_ lines: [JSON], _ x: String, _ y: String, scale: Double = 1) -> [(Double, Double)] {
      lines.compactMap { line in
        guard let x = line[x]?.double, let y = line[y]?.double else { return nil }
        return (x, y * scale)
      }
    }
    var result = LineChart(
      title: "Accuracy, %",
      series: [
        ("training", series(epochs, "update", "train_accuracy", scale: 100)),
        ("validation", series(epochs, "update", "val_accuracy", scale: 100)),
      ]
    ).svg
    result +=
      LineChart(
        title: "Loss",
        series: [
          ("training, each update", series(updates, "update", "loss")),
          ("validation", series(epochs, "update", "val_loss")),
        ]
      ).svg
    // The first part is shown by the loss itself.
    for name in configuration.recipe.lossNames.dropFirst(2) {
      result +=
        LineChart(
          title: name.capitalized.replacing("_", with: " ") + " loss",
          series: [
            ("training", series(updates, "update", name)),
            ("a constant answer", series(epochs, "update", "constant_" + name)),
          ]
        ).svg
    }
    result +=
      LineChart(
        title: "Learning rate", series: [("", series(updates, "update", "learning_rate"))]
      ).svg
    return result
  }

  private var confusion: String {
    guard let evaluation, !classes.isEmpty, classes.count <= 60 else { return "" }
    let table = evaluation.confusion(classes: classes.count)
    var html = "<h2>Confusion</h2><table class=\"confusion\"><tr><th class=\"row\">true \\ taken for</th>"
    html += classes.map { "<th>\($0.htmlEscaped)</th>" }.joined() + "</tr>"
    for (label, row) in table.enumerated() {
      let total = Double(max(1, row.reduce(0, +)))
      html += "<tr><th class=\"row\">\(classes[label].htmlEscaped)</th>"
      for (other, count) in row.enumerated() {
        let share = String(format: "%.2f", Double(count) / total)
        let colour = other == label ? "40,140,90" : "200,70,60"
        html += "<td style=\"background:rgba(\(colour),\(share))\">\(count == 0 ? "" : "\(count)")</td>"
      }
      html += "</tr>"
    }
    return html + "</table>"
  }

  private var errors: String {
    guard let evaluation else { return "" }
    let wrong = evaluation.predictions.filter { $0.label != $0.predicted }
      .sorted { ($1.confidence, $0.path) < ($0.confidence, $1.path) }.prefix(24)
    guard !wrong.isEmpty else { return "<h2>Worst errors</h2><p>None.</p>" }
    func name(_ label: Int) -> String { label < classes.count ? classes[label] : "\(label)" }
    let items = wrong.map { prediction in
      """
      <div><img alt="" src="\(Thumbnail.dataURL(prediction.sample, of: data))"><br>\(name(prediction.label).htmlEscaped), \
      taken for <b>\(name(prediction.predicted).htmlEscaped)</b> (\(Int(prediction.confidence * 100)) %)<br>\
      <span class="dim">\(((prediction.path as NSString).lastPathComponent).htmlEscaped)</span></div>
      """
    }
    return "<h2>Worst errors</h2><div class=\"errors\">" + items.joined() + "</div>"
  }

  private var facts: String {
    var rows: [(String, String)] = [
      ("classes", classes.joined(separator: ", ")),
      ("images", "\(data.training.count) for training, \(evaluation?.count ?? 0) for validation"),
      ("updates", "\(state.updates)"),
    ]
    let unreadable = evaluation?.failures.count ?? 0
    if unreadable > 0 { rows.append(("unreadable", "\(unreadable.counted("validation image"))")) }
    for member in configuration.metadata.configuration.members ?? [] {
      rows.append((member.key, member.value.string ?? member.value.text()))
    }
    if let recipe = configuration.json["recipe"] {
      for member in (recipe.members ?? []).sorted(by: { $0.key < $1.key }) {
        rows.append((member.key, member.value.string ?? member.value.text()))
      }
    }
    for member in configuration.metadata.provenance?.members ?? [] {
      rows.append((member.key, member.value.string ?? member.value.text()))
    }
    return "<table>"
      + rows.map { "<tr><th>\($0.0.htmlEscaped)</th><td>\($0.1.htmlEscaped)</td></tr>" }.joined()
      + "</table>"
  }
}

/// A small image inside the page.
enum Thumbnail {
  /// The image, at most 128 pixels a side, as an uncompressed bitmap; nothing where it cannot be read.
  static func dataURL(_ sample: Sample, of source: any ImageSource) -> String {
    guard let image = try? source.image(of: sample).image() else { return "" }
    let scale = min(1, 128 / Double(max(image.width, image.height)))
    let (w, h) = (
      max(1, Int(Double(image.width) * scale)), max(1, Int(Double(image.height) * scale))
    )
    guard let small = try? image.resized(width: w, height: h, .bicubic) else { return "" }
    return "data:image/bmp;base64," + Data(bitmap(small)).base64EncodedString()
  }

  /// A Windows bitmap of 24 bits: bottom row first, blue first, rows padded to four bytes.
  private static func bitmap(_ image: Image) -> [UInt8] {
    func little(_ value: Int, _ width: Int) -> [UInt8] {
      (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let row = (image.width * 3 + 3) / 4 * 4
    let size = row * image.height
    var out: [UInt8] = [0x42, 0x4D] + little(54 + size, 4) + little(0, 4) + little(54, 4)
    out += little(40, 4) + little(image.width, 4) + little(image.height, 4) + little(1, 2)
    out += little(24, 2) + little(0, 4) + little(size, 4) + little(2835, 4) + little(2835, 4)
    out += little(0, 4) + little(0, 4)
    for y in (0..<image.height).reversed() {
      for x in 0..<image.width {
        let at = (y * image.width + x) * 3
        out += [image.pixels[at + 2], image.pixels[at + 1], image.pixels[at]]
      }
      out += [UInt8](repeating: 0, count: row - image.width * 3)
    }
    return out
  }
}
