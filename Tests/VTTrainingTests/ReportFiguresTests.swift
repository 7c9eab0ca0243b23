import Foundation
import TestSupport
import Testing

@testable import VTTraining

/// The report's figures, beside ones computed by hand.
struct ReportFiguresTests {
  /// Ten images of three classes; nothing is taken for the third.
  ///
  ///     true \ taken for   0  1  2
  ///     0                   3  1  0
  ///     1                   2  2  0
  ///     2                   1  1  0
  private static let predictions: [(Int, Int, Float)] = [
    (0, 0, 0.95), (0, 0, 0.91), (0, 0, 0.45), (0, 1, 0.55), (1, 0, 0.65), (1, 0, 0.7), (1, 1, 0.8),
    (1, 1, 0.75), (2, 0, 0.95), (2, 1, 0.41),
  ]

  @Test func precisionRecallAndF1AreTheirDefinitions() throws {
    // A fourth class has no images.
    let figures = ClassFigures(ReportTests.evaluation(Self.predictions), classes: 4)
    #expect(figures.rows.map(\.support) == [4, 4, 2, 0])
    #expect(figures.rows.map(\.precision) == [0.5, 0.5, nil, nil])
    #expect(figures.rows.map(\.recall) == [0.75, 0.5, 0, nil])
    // 2 * 3 / (4 + 6), 2 * 2 / (4 + 4).
    #expect(figures.rows.map(\.f1) == [0.6, 0.5, 0, nil])
    #expect(figures.worstFirst.map(\.label) == [2, 1, 0, 3])
    let means = try #require(figures.means)
    // Thirds: of 1, 1.25 and 1.1.
    expectClose([means.precision, means.recall, means.f1], [1 / 3, 1.25 / 3, 1.1 / 3], absolute: 1e-12)
    #expect(figures.largestShare == 0.4)
  }

  @Test func theExpectedCalibrationErrorIsItsDefinition() {
    let calibration = Calibration(ReportTests.evaluation(Self.predictions))
    // Up to 0.5: 0.45 right, 0.41 wrong. To 0.6: 0.55 wrong. To 0.7: 0.65 and 0.7 wrong. To 0.8: 0.8 and 0.75 right.
    // To 1: 0.95 and 0.91 right, 0.95 wrong.
    #expect(calibration.bins.map(\.count) == [0, 0, 0, 0, 2, 1, 2, 2, 0, 3])
    #expect(calibration.bins.map(\.correct) == [0, 0, 0, 0, 1, 0, 0, 2, 0, 2])
    let distances = [abs(1 - 0.86), 0.55, 1.35, abs(2 - 1.55), abs(2 - 2.81)]
    #expect(abs(calibration.expectedError - distances.reduce(0, +) / 10) < 1e-6)
    // 7.12 of probability, 5 right.
    #expect(abs(calibration.overconfidence - 0.212) < 1e-6)
    #expect(calibration.bins[0].accuracy == nil && calibration.bins[7].accuracy == 1)
  }

  /// Bins end with their upper edge, as in the paper.
  @Test(arguments: [
    (0, 0), (0.1, 0), (0.11, 1), (0.2, 1), (0.3, 2), (0.7, 6), (0.8, 7), (0.9, 8), (0.901, 9), (1, 9),
  ])
  func probabilitiesFallIntoTheirBins(_ probability: Float, _ bin: Int) {
    let bins = Calibration(ReportTests.evaluation([(0, 0, probability)])).bins
    #expect(bins.map(\.count) == (0..<10).map { $0 == bin ? 1 : 0 })
  }

  /// Wilson's interval: 8 of 10 is between 49.0 and 94.3 %, as statsmodels says; none and all stay within 0 and 1.
  @Test func theIntervalOfTheAccuracyIsWilsons() {
    func interval(_ right: Int, _ count: Int) -> (low: Double, high: Double) {
      ReportTests.evaluation((0..<count).map { (0, $0 < right ? 0 : 1, 0.5) }).accuracyInterval
    }
    #expect(abs(interval(8, 10).low - 0.490162) < 1e-5 && abs(interval(8, 10).high - 0.943318) < 1e-5)
    #expect(interval(0, 5).low < 1e-12 && abs(interval(0, 5).high - 0.434482) < 1e-5)
    #expect(interval(5, 5).high > 1 - 1e-12 && abs(interval(5, 5).low - 0.565518) < 1e-5)
  }

  @Test func thePageHasTheFigures() throws {
    let folder = try TemporaryFolder()
    let page = ReportTests.page(
      try TrainerTests.data(folder), classes: ["cat", "<dog>", "eel"], predictions: Self.predictions,
      test: [(0, 0, 1)]
    ).html
    // Seven training images of the first two classes and one that is broken.
    let rows = [
      "<tr><th>eel</th><td>–</td><td>0.000</td><td>0.000</td><td>2</td><td>7</td></tr>",
      "<tr><th>&lt;dog&gt;</th><td>0.500</td><td>0.500</td><td>0.500</td><td>4</td><td>8</td></tr>",
      "<tr><th>cat</th><td>0.500</td><td>0.750</td><td>0.600</td><td>4</td><td>7</td></tr>",
    ]
    #expect(page.contains(rows.joined()))
    #expect(
      page.contains("<tr><th>mean</th><td>0.333</td><td>0.417</td><td>0.367</td><td>10</td><td>22</td></tr>"))
    #expect(page.contains("Expected calibration error: <b>33.00 %</b>; on the whole 21.20 % too sure."))
    #expect(page.contains("40 to 50 %: 2 predictions, 50.00 % right"))
    #expect(page.contains("<tr><th>&lt;dog&gt;</th><td>cat</td><td>2</td></tr>"))
    #expect(page.contains("<tr><th>95 % interval</th><td>23.66 % to 76.34 %</td>"))
  }
}
