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
      has: [
        "66.67 %", "of 3 validation images right (2), best epoch 2 of 100", "<h1>Training run</h1>",
        "<tr><th>accuracy</th><td>66.67 %</td></tr>", "so their accuracy is a little too good.",
      ],
      lacks: [
        "test images</th>", "<th>unreadable</th>", "Drloc loss", "http://", "https://", "five likeliest",
      ]),
    Row(
      testDescription: "one image", predictions: [(0, 0, 0.9)],
      has: [
        "100.00 %", "of 1 validation image right (1)",
        "<h2 id=\"most-confident-mistakes\">Most confident mistakes</h2>\n<p>None.</p>",
      ],
      lacks: ["taken for <b>", "most frequent mistakes"]),
    Row(
      testDescription: "no validation images", predictions: nil,
      has: [
        "There were no validation images, so accuracy was not measured.", "<h2 id=\"curves\">",
        "<h2 id=\"recipe\">",
      ],
      lacks: ["Confusion", "mistakes", "validation image right", "Calibration", "<h2 id=\"classes\">"]),
    Row(
      testDescription: "test images", test: [(0, 0, 0.9), (1, 0, 0.8)],
      has: [
        "<th>validation</th><th>test</th>", "<tr><th>accuracy</th><td>66.67 %</td><td>50.00 %</td></tr>",
        "<tr><th>images</th><td>3</td><td>2</td></tr>", "the test images chose nothing",
        "<h3>On the test images</h3>",
      ]),
    Row(
      testDescription: "test images alone", predictions: nil, test: [(0, 1, 0.9)],
      has: ["<tr><th></th><th>test</th></tr>", "<tr><th>accuracy</th><td>0.00 %</td></tr>"],
      lacks: ["On the validation images"]),
    Row(
      testDescription: "the surest error comes first",
      predictions: [(0, 1, 0.5), (1, 0, 0.99), (1, 1, 1)],
      has: [
        "dog, taken for <b>cat</b> (99.0 %; its own class 0.0 %)",
        "cat, taken for <b>dog</b> (50.0 %; its own class 0.0 %)",
      ]),
    Row(
      testDescription: "nothing is certain", predictions: [(0, 1, 1)],
      has: ["cat, taken for <b>dog</b> (&gt; 99.9 %;"], lacks: ["(100.0 %"]),
    Row(
      testDescription: "confusion", predictions: [(0, 0, 1), (0, 1, 1), (1, 1, 1)],
      has: [
        "<th>cat</th><td style=\"background:rgba(var(--right),0.38)\">1</td>"
          + "<td style=\"background:rgba(var(--wrong),0.38)\">1</td>",
        "<th>dog</th><td></td><td style=\"background:rgba(var(--right),0.75)\">1</td>",
      ]),
    Row(
      testDescription: "too many classes for a table", classes: (0..<61).map { "class \($0)" },
      has: [
        "class 60", "Most confident mistakes", "five likeliest",
        "<tr><th>class 1</th><td>class 0</td><td>1</td></tr>",
      ], lacks: ["class=\"confusion\""]),
    Row(
      testDescription: "names that are no HTML", classes: ["a<b", "\"c\"&d"], checkpoint: "<i>.npz",
      has: [
        "a&lt;b", "&quot;c&quot;&amp;d", "from &lt;i&gt;.npz", "<h1>Fine-tuning run</h1>",
        "<span class=\"dim\">2&lt;script&gt;.jpg</span>",
      ], lacks: ["a<b", "<i>.npz", "\"c\"", "2<script"]),
    Row(testDescription: "from scratch", has: ["from scratch, on data", "random weights"]),
    Row(
      testDescription: "unreadable images", unreadable: 1,
      has: ["<tr><th>unreadable</th><td>1 image</td></tr>"]),
    Row(
      testDescription: "a second loss", drloc: DrlocOptions(pairs: 8, weight: 0.3),
      has: [
        "<b>Accuracy, %</b>", "<b>Cross-entropy</b>", "<b>Drloc loss</b>", "<b>Learning rate</b>",
        "a constant answer",
      ]),
  ]

  static func evaluation(_ predictions: [(Int, Int, Float)], unreadable: Int = 0) -> Evaluation {
    var evaluation = Evaluation()
    evaluation.predictions = predictions.enumerated().map { index, found in
      Evaluation.Prediction(
        sample: Sample(id: "/nowhere/\(index)<script>.jpg", label: found.0), predicted: found.1,
        confidence: found.2,
        labelProbability: 0)
    }
    evaluation.failures = (0..<unreadable).map { Failure("damaged", file: "\($0).png") }
    return evaluation
  }

  /// A page of a run of two classes or more, in the second epoch of a hundred.
  static func page(
    _ data: ImageFolder, classes: [String], predictions: [(Int, Int, Float)]? = nil,
    test: [(Int, Int, Float)]? = nil, unreadable: Int = 0, checkpoint: String? = nil,
    change: (inout Recipe) -> Void = { _ in }
  ) -> ReportPage {
    let metadata = NativeMetadata(
      configuration: TrainerTests.configuration, classes: classes, preprocessing: nil)
    var recipe = Recipe()
    recipe.epochs = 100
    change(&recipe)
    var state = TrainingState()
    state.bestEpoch = 1
    let points: [(String, Double)] = [
      ("update", 1), ("epoch", 0), ("loss", 2), ("cross_entropy", 1), ("train_cross_entropy", 1),
      ("drloc", 1),
      ("train_drloc", 1), ("constant_drloc", 0.4), ("learning_rate", 0.1), ("train_accuracy", 0.5),
    ]
    let line = JSON.object(
      points.map {
        JSON.Member(key: $0.0, value: ["update", "epoch"].contains($0.0) ? .int(Int($0.1)) : .double($0.1))
      })
    return ReportPage(
      configuration: RunConfiguration(
        recipe: recipe, data: "data", dataFingerprint: "", checkpoint: checkpoint, metadata: metadata,
        exports: [], keepsDrloc: false),
      state: state, evaluation: predictions.map { evaluation($0, unreadable: unreadable) },
      test: test.map { evaluation($0) }, data: data, updates: [line], epochs: [line])
  }

  @Test(arguments: rows)
  func saysWhatIsKnown(_ row: Row) throws {
    let folder = try TemporaryFolder()
    let page = Self.page(
      try TrainerTests.data(folder), classes: row.classes, predictions: row.predictions, test: row.test,
      unreadable: row.unreadable, checkpoint: row.checkpoint
    ) { $0.drloc = row.drloc }.html
    for text in row.has { #expect(page.contains(text), "\(text)") }
    for text in row.lacks { #expect(!page.contains(text), "\(text)") }
    // In their order.
    let places = row.has.filter { $0.contains("taken for") }.compactMap { page.range(of: $0)?.lowerBound }
    #expect(places == places.sorted())
    // Links on top lead to what is there.
    for link in page.components(separatedBy: "href=\"#").dropFirst() {
      #expect(page.contains("id=\"\(link.prefix { $0 != "\"" })\""), "\(link.prefix(30))")
    }
  }
}
