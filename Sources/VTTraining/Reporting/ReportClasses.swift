import VTCore

/// How well each class was told from the others.
extension ReportPage {
  /// Classes for which there is room beside each other.
  private static let mostInMatrix = 60

  var classFigures: String {
    guard !sets.isEmpty, !classes.isEmpty else { return "" }
    let training = data.training.reduce(into: [Int: Int]()) { $0[$1.label, default: 0] += 1 }
    let tables = sets.map { name, evaluation in
      let figures = ClassFigures(evaluation, classes: classes.count)
      let rows = figures.worstFirst.map { row in
        cells(
          self.name(row.label), row.precision, row.recall, row.f1, row.support, training[row.label] ?? 0)
      }
      let means = figures.means.map {
        "<tfoot>" + cells("mean", $0.precision, $0.recall, $0.f1, evaluation.count, data.training.count)
          + "</tfoot>"
      }
      return """
        <h3>On the \(name) images</h3>
        <div class="scroll"><table class="figures sortable"><thead><tr><th>class</th><th>precision</th><th>recall</th>\
        <th>F1</th><th>\(name) images</th><th>training images</th></tr></thead><tbody>\(rows.joined())</tbody>\
        \(means ?? "")</table></div>
        """
    }
    return """
      <p>Precision: the part of the images taken for a class that are of it. Recall: the part of a class's images that \
      were taken for it. F1: their harmonic mean. The worst F1 comes first.</p>
      \(tables.joined())
      \(Self.sorting)
      """
  }

  private func cells(
    _ name: String, _ precision: Double?, _ recall: Double?, _ f1: Double?, _ support: Int, _ training: Int
  ) -> String {
    let shares = [precision, recall, f1].map { "<td>\(ReportText.share($0))</td>" }.joined()
    return "<tr><th>\(name.htmlEscaped)</th>\(shares)<td>\(support)</td><td>\(training)</td></tr>"
  }

  /// Clicks on a heading sort by its column; without scripts the tables are as they are.
  private static let sorting = """
    <script>
    for (const table of document.querySelectorAll("table.sortable"))
      table.tHead.rows[0].querySelectorAll("th").forEach((head, column) => {
        const button = document.createElement("button");
        button.textContent = head.textContent;
        head.replaceChildren(button);
        let sign = 1;
        button.onclick = () => {
          const body = table.tBodies[0], text = row => row.cells[column].textContent;
          const value = row => column ? (parseFloat(text(row)) || 0) : text(row);
          const rows = [...body.rows].sort((a, b) => sign * (column ? value(a) - value(b) : value(a).localeCompare(value(b))));
          sign = -sign;
          body.append(...rows);
        };
      });
    </script>
    """

  var confusion: String {
    guard let evaluation, evaluation.count > 0, !classes.isEmpty else { return "" }
    return (classes.count <= Self.mostInMatrix ? matrix(evaluation) : "") + pairs(evaluation)
  }

  private func matrix(_ evaluation: Evaluation) -> String {
    var html = "<p>Rows are true classes, columns predicted ones, of the validation images.</p>"
    html += "<div class=\"scroll\"><table class=\"confusion\"><thead><tr><th></th>"
    html += classes.map { "<th><span>\($0.htmlEscaped)</span></th>" }.joined() + "</tr></thead><tbody>"
    for (label, row) in evaluation.confusion(classes: classes.count).enumerated() {
      let total = Double(max(1, row.reduce(0, +)))
      html += "<tr><th>\(classes[label].htmlEscaped)</th>"
      for (other, count) in row.enumerated() {
        // Pale enough for the number to be read.
        let share = Format.fixed(0.75 * Double(count) / total, 2)
        let colour = other == label ? "right" : "wrong"
        html +=
          count == 0 ? "<td></td>" : "<td style=\"background:rgba(var(--\(colour)),\(share))\">\(count)</td>"
      }
      html += "</tr>"
    }
    return html + "</tbody></table></div>"
  }

  /// The most frequent mistakes.
  private func pairs(_ evaluation: Evaluation) -> String {
    struct Pair: Hashable { let (label, predicted): (Int, Int) }
    let counts = evaluation.predictions.filter { $0.label != $0.predicted }
      .reduce(into: [Pair: Int]()) { $0[Pair(label: $1.label, predicted: $1.predicted), default: 0] += 1 }
    let most = counts.sorted {
      ($1.value, $0.key.label, $0.key.predicted) < ($0.value, $1.key.label, $1.key.predicted)
    }
    .prefix(10)
    guard !most.isEmpty, classes.count > 2 else { return "" }
    let rows = most.map {
      "<tr><th>\(name($0.key.label).htmlEscaped)</th><td>\(name($0.key.predicted).htmlEscaped)</td><td>\($0.value)</td></tr>"
    }
    return """
      <h3>The most frequent mistakes</h3>
      <div class="scroll"><table><thead><tr><th>true class</th><th>predicted</th><th>images</th></tr></thead>\
      <tbody>\(rows.joined())</tbody></table></div>
      """
  }
}
