import Foundation
import TestSupport
import Testing
import VTCheckpoint
import VTCore
import VTData

@testable import VTTraining

/// What the report says of a run, by what is known of it.
struct ReportTests {
  /// A run's numbers, and what its page has and lacks.
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var classes = ["cat", "dog"]
    /// Class, class that the network took it for, confidence.
    var predictions: [(Int, Int, Float)]? = [(0, 0, 0.9), (1, 1, 0.8), (1, 0, 0.7)]
    var test: [(Int, Int, Float)]?
    var unreadable = 0
    var checkpoint: String?
    var drloc: DrlocOptions?
    let has: [String]
    var lacks: [String] = []
  }

  static let rows = [
    Row(
      testDescription: "accuracy",
      has: ["66.67 %", "of 3 validation images right (2), best epoch 2 of 100", "<h1>Fine-tuning run</h1>"],
      lacks: ["test image", "unreadable", "Drloc loss", "http://", "https://"]),
    Row(
      testDescription: "one image", predictions: [(0, 0, 0.9)],
      has: ["100.00 %", "of 1 validation image right (1)", "<h2>Worst errors</h2><p>None.</p>"],
      lacks: ["taken for <b>"]),
    Row(
      testDescription: "no validation images", predictions: nil,
      has: ["No validation images, so there is no accuracy to show.", " for training, 0 for validation"],
      lacks: ["Confusion", "Worst errors", "validation image right"]),
    Row(
      testDescription: "test images", test: [(0, 0, 0.9), (1, 0, 0.8)],
      has: ["<p>50.00 % of 2 test images right (1).</p>"]),
    Row(
      testDescription: "one test image", test: [(0, 1, 0.9)],
      has: ["<p>0.00 % of 1 test image right (0).</p>"]),
    Row(
      testDescription: "the surest error comes first",
      predictions: [(0, 1, 0.5), (1, 0, 0.99), (1, 1, 1)],
      has: ["dog, taken for <b>cat</b> (99 %)", "cat, taken for <b>dog</b> (50 %)"]),
    Row(
      testDescription: "confusion", predictions: [(0, 0, 1), (0, 1, 1), (1, 1, 1)],
      has: [
        "<th class=\"row\">cat</th><td style=\"background:rgba(40,140,90,0.50)\">1</td>"
          + "<td style=\"background:rgba(200,70,60,0.50)\">1</td>",
        "<th class=\"row\">dog</th><td style=\"background:rgba(200,70,60,0.00)\"></td>",
      ]),
    Row(
      testDescription: "too many classes for a table", classes: (0..<61).map { "class \($0)" },
      has: ["class 60", "Worst errors"], lacks: ["Confusion"]),
    Row(
      testDescription: "names that are no HTML", classes: ["a<b", "\"c\"&d"], checkpoint: "<i>.npz",
      has: ["a&lt;b", "&quot;c&quot;&amp;d", "from &lt;i&gt;.npz"], lacks: ["a<b", "<i>.npz"]),
    Row(testDescription: "from scratch", has: ["from scratch, on data"]),
    Row(
      testDescription: "unreadable images", unreadable: 1,
      has: ["<tr><th>unreadable</th><td>1 validation image</td></tr>"]),
    Row(
      testDescription: "a second loss", drloc: DrlocOptions(pairs: 8, weight: 0.3),
      has: [">Accuracy, %</text>", ">Loss</text>", ">Drloc loss</text>", ">Learning rate</text>"]),
  ]

  private static func evaluation(_ predictions: [(Int, Int, Float)], unreadable: Int = 0) -> Evaluation {
    var evaluation = Evaluation()
    evaluation.predictions = predictions.enumerated().map { index, found in
      Evaluation.Prediction(
        sample: Sample(id: "/nowhere/\(index).jpg", label: found.0), predicted: found.1, confidence: found.2,
        labelProbability: 0)
    }
    evaluation.failures = (0..<unreadable).map { Failure("damaged", file: "\($0).png") }
    return evaluation
  }

  @Test(arguments: rows)
  func saysWhatIsKnown(_ row: Row) throws {
    let folder = try TemporaryFolder()
    let data = try TrainerTests.data(folder)
    let metadata = NativeMetadata(
      configuration: TrainerTests.configuration, classes: row.classes, preprocessing: nil)
    var recipe = Recipe()
    recipe.epochs = 100
    recipe.drloc = row.drloc
    var state = TrainingState()
    state.bestEpoch = 1
    let points: [(String, Double)] = [
      ("update", 1.0), ("loss", 2), ("drloc", 1), ("learning_rate", 0.1), ("train_accuracy", 0.5),
    ]
    let line = JSON.object(points.map { JSON.Member(key: $0.0, value: .double($0.1)) })
    let page = ReportPage(
      configuration: RunConfiguration(
        recipe: recipe, data: "data", dataFingerprint: "", checkpoint: row.checkpoint, metadata: metadata,
        exports: [], keepsDrloc: false),
      state: state, evaluation: row.predictions.map { Self.evaluation($0, unreadable: row.unreadable) },
      test: row.test.map { Self.evaluation($0) }, data: data, updates: [line], epochs: [line]
    ).html
    for text in row.has { #expect(page.contains(text), "\(text)") }
    for text in row.lacks { #expect(!page.contains(text), "\(text)") }
    // In their order.
    let places = row.has.filter { $0.contains("taken for") }.compactMap { page.range(of: $0)?.lowerBound }
    #expect(places == places.sorted())
  }

  /// Heights of the points of a chart's curves, and how many curves it draws.
  static let charts: [([[Double]], Int)] = [
    ([], 0), ([[]], 0), ([[1]], 1), ([[1, 3], [2, 2]], 2), ([[], [5, 5, 5]], 1), ([[0, -1e30, 1e30]], 1),
    ([[Double](repeating: 4, count: 1801)], 1),
  ]

  @Test(arguments: charts)
  func chartsShowTheirPoints(_ series: [[Double]], _ curves: Int) throws {
    let chart = LineChart(
      title: "t",
      series: series.map { heights in ("s", heights.enumerated().map { (Double($0.offset), $0.element) }) }
    ).svg
    #expect(chart.isEmpty == (curves == 0) && !chart.contains("nan") && !chart.contains("inf"))
    let drawn = chart.components(separatedBy: "points=\"").dropFirst().map { $0.prefix { $0 != "\"" } }
    #expect(drawn.count == curves)
    let counts = series.map(\.count).filter { $0 > 0 }
    // At most 600 points a curve.
    #expect(zip(drawn, counts).allSatisfy { $0.split(separator: " ").count == ($1 > 600 ? 451 : $1) })
    if let longest = counts.max() {
      #expect(chart.contains(">update 0<") && chart.contains(">\(longest - 1)<"))
    }
  }
}
