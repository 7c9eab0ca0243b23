import VTCore

/// The best checkpoints of a run that keeps several.
extension ReportPage {
  var kept: String {
    guard !state.kept.isEmpty else { return "" }
    let rows = state.kept.map { kept in
      "<tr><td>\(kept.epoch + 1)</td><td>\(Format.percent(kept.accuracy))</td>"
        + "<td><code>checkpoints/\(kept.name)</code></td></tr>"
    }
    return """
      <h3>The best epochs</h3><p>Each of these files is a checkpoint: <code>vtkit evaluate</code>, <code>predict</code> and \
      <code>convert</code> take it in place of the run folder.</p>
      <div class="scroll"><table><thead><tr><th>epoch</th><th>accuracy</th><th>file</th></tr></thead>\
      <tbody>\(rows.joined())</tbody></table></div>
      """
  }
}
