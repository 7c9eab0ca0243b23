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
  var sessions: [RunSession] = []
  var network = ReportNetwork()
  var extras = ReportExtras()
  var maps = ReportMaps()
  /// The run folder; empty where there is none.
  var folder = ""

  var classes: [String] { configuration.metadata.classes ?? [] }

  /// What was measured, by the name of the images.
  var sets: [(name: String, evaluation: Evaluation)] {
    [("validation", evaluation), ("test", test)].compactMap { name, evaluation in
      evaluation.flatMap { $0.count > 0 ? (name, $0) : nil }
    }
  }

  func name(_ label: Int) -> String { label < classes.count ? classes[label] : "\(label)" }

  /// A part of the page with a heading, to which the links on top lead; left out where it has nothing to say.
  struct Section {
    let title: String
    let html: String

    var anchor: String { title.lowercased().replacing(" ", with: "-") }
  }

  private var sections: [Section] {
    [
      Section(title: "Curves", html: curves), Section(title: "Classes", html: classFigures),
      Section(title: "Confusion", html: confusion), Section(title: "Calibration", html: calibration),
      Section(title: "Most confident mistakes", html: mistakes),
      Section(title: "Maps", html: places),
      Section(title: "Weights", html: exports), Section(title: "Recipe", html: recipe),
      Section(title: "Run", html: facts),
    ].filter { !$0.html.isEmpty }
  }

  var html: String {
    let sections = sections
    let heading = configuration.checkpoint == nil ? "Training run" : "Fine-tuning run"
    let links = sections.map { "<a href=\"#\($0.anchor)\">\($0.title)</a>" }.joined(separator: " ")
    let parts = sections.map { "<h2 id=\"\($0.anchor)\">\($0.title)</h2>\n\($0.html)" }
    return PageStyle.page(
      "\(heading): \((configuration.data as NSString).lastPathComponent)",
      """
      <h1>\(heading)</h1>
      <div class="dim">\((configuration.checkpoint.map { "from \($0)" } ?? "from scratch").htmlEscaped), on \(configuration.data.htmlEscaped)</div>
      \(results)
      <nav>\(links)</nav>
      \(parts.joined(separator: "\n"))
      """)
  }
}
