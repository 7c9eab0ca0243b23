/// Numbers of several groups along one axis: an SVG image in which each number is a dot, the mean of a group a short line
/// across, and a deviation reaches to both sides of it. `PageStyle` gives the colours.
package struct DotChart {
  package struct Row {
    let name: String
    let dots: [(name: String, value: Double)]
    let mean: Double
    let deviation: Double?

    /// - Parameters:
    ///   - dots: what each is called, and where it is; at least one.
    ///   - deviation: nil where there is none.
    package init(
      _ name: String, _ dots: [(name: String, value: Double)], mean: Double, deviation: Double?
    ) {
      (self.name, self.dots, self.mean, self.deviation) = (name, dots, mean, deviation)
    }

    private var places: [Double] {
      dots.map(\.value) + [mean - (deviation ?? 0), mean + (deviation ?? 0)]
    }
    fileprivate var low: Double { places.min() ?? mean }
    fileprivate var high: Double { places.max() ?? mean }
  }

  private let title: String
  private let rows: [Row]
  private let zero: String?
  private let first: Int

  private static let (width, left, right) = (440.0, 14.0, 14.0)
  private static let (top, row, bottom) = (4.0, 46.0, 24.0)

  /// - Parameters:
  ///   - zero: what a line at 0 is called; nil draws none.
  ///   - isComparison: whether the first row is what the others are compared with, and has another colour.
  package init(_ title: String, _ rows: [Row], zero: String? = nil, isComparison: Bool = true) {
    (self.title, self.rows, self.zero, first) = (title, rows, zero, isComparison ? 1 : 0)
  }

  /// Empty where there is nothing to draw.
  package var html: String {
    guard let low = rows.map(\.low).min(), let high = rows.map(\.high).max() else { return "" }
    let ticks = AxisTicks(around: zero == nil ? low : min(0, low), zero == nil ? high : max(0, high))
    return """
      <figure class="chart"><figcaption><b>\(title.htmlEscaped)</b></figcaption>
      \(svg(ticks))</figure>
      """
  }

  private func svg(_ ticks: AxisTicks) -> String {
    let (start, end) = (ticks.values[0], ticks.values[ticks.values.count - 1])
    func x(_ value: Double) -> String {
      LineChart.text(Self.left + (Self.width - Self.left - Self.right) * (value - start) / (end - start))
    }
    let floor = Self.top + Self.row * Double(rows.count)
    let (top, foot) = (LineChart.text(Self.top), LineChart.text(floor))
    func upright(_ value: Double, _ classes: String, _ from: String, _ to: String) -> String {
      "<line class=\"\(classes)\" x1=\"\(x(value))\" x2=\"\(x(value))\" y1=\"\(from)\" y2=\"\(to)\"/>"
    }
    var out = "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(floor + Self.bottom))\" role=\"img\" "
    out += "aria-label=\"\(title.htmlEscaped)\">"
    for value in ticks.values {
      out += upright(value, "grid", top, foot)
      out += "<text class=\"tick middle\" x=\"\(x(value))\" y=\"\(LineChart.text(floor + 16))\">"
      out += "\(ticks.label(value))</text>"
    }
    if let zero {
      out += "<line class=\"mark\" x1=\"\(x(0))\" x2=\"\(x(0))\" y1=\"\(top)\" y2=\"\(foot)\">"
      out += "<title>\(zero.htmlEscaped)</title></line>"
    }
    for (index, row) in rows.enumerated() {
      let colour = index < first ? "c5" : "c0"
      let above = Self.top + Self.row * Double(index)
      let (middle, half) = (above + 31, 7.0)
      let (from, to) = (LineChart.text(middle - half), LineChart.text(middle + half))
      out += "<text class=\"name\" x=\"0\" y=\"\(LineChart.text(above + 14))\">\(row.name.htmlEscaped)</text>"
      if let deviation = row.deviation {
        let y = LineChart.text(middle)
        out +=
          "<line class=\"bar \(colour)\" x1=\"\(x(row.mean - deviation))\" x2=\"\(x(row.mean + deviation))\" "
        out += "y1=\"\(y)\" y2=\"\(y)\"/>"
      }
      for dot in row.dots {
        out +=
          "<circle class=\"dot \(colour)\" cx=\"\(x(dot.value))\" cy=\"\(LineChart.text(middle))\" r=\"4\">"
        out += "<title>\(dot.name.htmlEscaped)</title></circle>"
      }
      out += upright(row.mean, "mean \(colour)", from, to)
    }
    return out + "</svg>"
  }
}
