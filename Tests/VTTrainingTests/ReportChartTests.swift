import Foundation
import Testing

@testable import VTTraining

/// The report's curves and their axes.
struct ReportChartTests {
  /// Smallest and largest value, and how the axis is labelled.
  static let axes: [(Double, Double, [String])] = [
    (0, 1, ["0", "0.5", "1.0"]), (0, 100, ["0", "50", "100"]), (31.2, 48.9, ["30", "35", "40", "45", "50"]),
    (1.137, 2.301, ["1.0", "1.5", "2.0", "2.5"]), (0, 2e-4, ["0", "5e-5", "1e-4", "1.5e-4", "2e-4"]),
    (-3, 8, ["-5", "0", "5", "10"]), (50, 50, ["45", "50", "55"]),
    (0, 0, ["-1.0", "-0.5", "0", "0.5", "1.0"]), (0.3, 0.32, ["0.300", "0.305", "0.310", "0.315", "0.320"]),
    (0, 3e9, ["0", "1e9", "2e9", "3e9"]),
  ]

  @Test(arguments: axes)
  func heightsAreRound(_ low: Double, _ high: Double, _ labels: [String]) {
    let ticks = AxisTicks(around: low, high)
    #expect(ticks.values.map(ticks.label) == labels)
    #expect(ticks.values[0] <= low && ticks.values[ticks.values.count - 1] >= high)
  }

  @Test func epochsAreWhole() {
    for last in 1...1000 {
      let ticks = AxisTicks(wholeTo: Double(last)).values
      #expect(ticks[0] == 0 && ticks.allSatisfy { $0 == $0.rounded() && $0 <= Double(last) })
      #expect((2...7).contains(ticks.count), "\(last): \(ticks)")
    }
    #expect(
      AxisTicks(wholeTo: 3).values == [0, 1, 2, 3]
        && AxisTicks(wholeTo: 100).values == [0, 20, 40, 60, 80, 100])
    #expect(
      AxisTicks(wholeTo: 30).values == [0, 5, 10, 15, 20, 25, 30]
        && AxisTicks(wholeTo: 7).values == [0, 2, 4, 6])
  }

  /// Heights of the points of a chart's curves, and how many curves it draws.
  static let charts: [([[Double]], Int)] = [
    ([], 0), ([[]], 0), ([[1]], 1), ([[1, 3], [2, 2]], 2), ([[], [5, 5, 5]], 1), ([[0, -1e30, 1e30]], 1),
    ([[0, -1e308, 1e308]], 1), ([[Double](repeating: 4, count: 1801)], 1),
  ]

  @Test(arguments: charts)
  func chartsShowTheirPoints(_ series: [[Double]], _ curves: Int) throws {
    let chart = LineChart(
      "t<",
      series.map { heights in
        .init(name: "s&", points: heights.enumerated().map { (Double($0.offset), $0.element) }, colour: 0)
      }
    ).html
    #expect(chart.isEmpty == (curves == 0) && !chart.contains("nan") && !chart.contains("inf"))
    let drawn = chart.components(separatedBy: "points=\"").dropFirst().map { $0.prefix { $0 != "\"" } }
    #expect(drawn.count == curves)
    let counts = series.map(\.count).filter { $0 > 0 }
    // At most 600 points a curve.
    #expect(zip(drawn, counts).allSatisfy { $0.split(separator: " ").count == ($1 > 600 ? 451 : $1) })
    guard curves > 0 else { return }
    #expect(chart.contains("t&lt;") && chart.contains("s&amp;") && !chart.contains("t<\""))
    #expect(chart.contains(">0</text>") && chart.contains(">epoch</text>"))
  }

  /// Nothing is drawn outside of the picture, and the best epoch is marked where it is.
  @Test func pointsLieWhereTheAxesSay() throws {
    let chart = LineChart(
      "t", [.init(name: "", points: [(0, 0), (2, 50), (4, 100)], colour: 0)], mark: (x: 2, name: "best")
    ).html
    // 440 wide with margins of 48 and 12, 236 high with 10 and 38.
    #expect(chart.contains("points=\"48.0,198.0 238.0,104.0 428.0,10.0\""))
    #expect(chart.contains("class=\"mark\" x1=\"238.0\" x2=\"238.0\""))
  }

  @Test func ratesAreNamedByPowersOfTen() {
    let chart = LineChart(
      "t", [.init(name: "", points: [(-6.5, 1), (-1, 2)], colour: 0)], axis: .learningRates
    ).html
    for label in ["1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1"] {
      #expect(chart.contains(">\(label)</text>"), "\(label)")
    }
  }
}
