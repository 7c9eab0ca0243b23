import Foundation

/// Curves as an SVG image.
struct LineChart {
  let title: String
  let series: [(name: String, points: [(Double, Double)])]
  /// What the first and the last place of the horizontal axis are called.
  var ends: (Double, Double) -> (String, String) = { ("update \(Int($0))", "\(Int($1))") }

  private static let colours = ["#2f6fb0", "#c8553d", "#3a8f5c"]
  private let width = 460.0
  private let height = 240.0
  private let left = 52.0
  private let right = 10.0
  private let top = 30.0
  private let bottom = 24.0

  init(title: String, series: [(String, [(Double, Double)])]) {
    self.title = title
    self.series = series.map { (name: $0.0, points: $0.1) }.filter { !$0.points.isEmpty }
  }

  var svg: String {
    let all = series.flatMap(\.points)
    guard let low = all.map(\.1).min(), let high = all.map(\.1).max(),
      let first = all.map(\.0).min(), let last = all.map(\.0).max()
    else { return "" }
    let span = high > low ? high - low : max(abs(high), 1)
    func x(_ value: Double) -> Double {
      left + (width - left - right) * (last > first ? (value - first) / (last - first) : 0.5)
    }
    func y(_ value: Double) -> Double {
      top + (height - top - bottom) * (1 - (value - low) / span)
    }
    var out =
      "<svg viewBox=\"0 0 \(Int(width)) \(Int(height))\" font-family=\"system-ui, sans-serif\" font-size=\"11\">"
    out += "<text x=\"\(left)\" y=\"14\" font-weight=\"600\">\(title)</text>"
    for step in 0...4 {
      let value = low + span * Double(step) / 4
      out +=
        "<line x1=\"\(left)\" x2=\"\(width - right)\" y1=\"\(text(y(value)))\" y2=\"\(text(y(value)))\" stroke=\"#e3e7eb\"/>"
      out +=
        "<text x=\"\(left - 6)\" y=\"\(text(y(value) + 4))\" text-anchor=\"end\" fill=\"#69737f\">\(label(value))</text>"
    }
    out += "<text x=\"\(left)\" y=\"\(height - 6)\" fill=\"#69737f\">\(ends(first, last).0)</text>"
    out +=
      "<text x=\"\(width - right)\" y=\"\(height - 6)\" text-anchor=\"end\" fill=\"#69737f\">\(ends(first, last).1)</text>"
    var legend = width - right
    for (index, item) in series.enumerated() {
      let colour = Self.colours[index % Self.colours.count]
      let path = thinned(item.points).map { "\(text(x($0.0))),\(text(y($0.1)))" }.joined(separator: " ")
      out += "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.6\" points=\"\(path)\"/>"
      if !item.name.isEmpty {
        out += "<text x=\"\(legend)\" y=\"14\" text-anchor=\"end\" fill=\"\(colour)\">\(item.name)</text>"
        legend -= Double(item.name.count) * 6.2 + 14
      }
    }
    return out + "</svg>"
  }

  /// At most 600 points: means of neighbours.
  private func thinned(_ points: [(Double, Double)]) -> [(Double, Double)] {
    let group = (points.count + 599) / 600
    guard group > 1 else { return points }
    return stride(from: 0, to: points.count, by: group).map { start in
      let part = points[start..<min(points.count, start + group)]
      let n = Double(part.count)
      return (part.reduce(0) { $0 + $1.0 } / n, part.reduce(0) { $0 + $1.1 } / n)
    }
  }

  private func text(_ value: Double) -> String { String(format: "%.1f", value) }
  private func label(_ value: Double) -> String {
    String(format: abs(value) < 0.01 && value != 0 ? "%.0e" : "%.3g", value)
  }
}
