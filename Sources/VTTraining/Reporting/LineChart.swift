import Foundation

/// Curves over an axis: an SVG image below its title and its key. `PageStyle` gives the colours.
struct LineChart {
  /// What the horizontal axis counts.
  enum Axis {
    case epochs
    /// Logarithms to the base 10 of learning rates.
    case learningRates
  }

  struct Curve {
    let name: String
    let points: [(x: Double, y: Double)]
    /// Which of the page's colours, from 0.
    let colour: Int
    /// Whether it is thin and pale, behind the others.
    var isFaint = false
  }

  let title: String
  private let curves: [Curve]
  private let axis: Axis
  /// A place on the horizontal axis, and what it is called.
  private let mark: (x: Double, name: String)?

  private static let (width, height) = (440.0, 236.0)
  private static let (left, right, top, bottom) = (48.0, 12.0, 10.0, 38.0)
  /// Of a curve; longer ones are drawn by the means of neighbours.
  private static let mostPoints = 600

  /// Curves without points are left out.
  init(_ title: String, _ curves: [Curve], axis: Axis = .epochs, mark: (x: Double, name: String)? = nil) {
    self.title = title
    self.curves = curves.filter { !$0.points.isEmpty }
    (self.axis, self.mark) = (axis, mark)
  }

  /// Empty where there is nothing to draw.
  var html: String {
    let all = curves.flatMap(\.points)
    guard let low = all.map(\.y).min(), let high = all.map(\.y).max(),
      let first = all.map(\.x).min(), let last = all.map(\.x).max()
    else { return "" }
    let key = curves.filter { !$0.name.isEmpty }.map {
      "<span class=\"key c\($0.colour)\">\($0.name.htmlEscaped)</span>"
    }
    return """
      <figure class="chart"><figcaption><b>\(title.htmlEscaped)</b> \(key.joined(separator: " "))</figcaption>
      \(svg(low, high, first, last))</figure>
      """
  }

  private func svg(_ low: Double, _ high: Double, _ first: Double, _ last: Double) -> String {
    let heights = AxisTicks(around: low, high)
    let bottom = heights.values[0]
    let tallest = heights.values[heights.values.count - 1]
    let (start, end) = axis == .epochs ? (0, max(1, last.rounded(.up))) : (first, max(last, first + 1e-9))
    func x(_ value: Double) -> String {
      Self.text(Self.left + (Self.width - Self.left - Self.right) * (value - start) / (end - start))
    }
    func y(_ value: Double) -> String {
      // Divided first: a difference may be too large for a number.
      let part = (value / 2 - bottom / 2) / (tallest / 2 - bottom / 2)
      return Self.text(Self.top + (Self.height - Self.top - Self.bottom) * (1 - part))
    }
    let (edge, floor) = (Self.text(Self.width - Self.right), Self.height - Self.bottom)
    var out = "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\""
    out += "\(title.htmlEscaped)\">"
    for value in heights.values {
      out +=
        "<line class=\"grid\" x1=\"\(Self.text(Self.left))\" x2=\"\(edge)\" y1=\"\(y(value))\" y2=\"\(y(value))\"/>"
      out += "<text class=\"tick end\" x=\"\(Self.text(Self.left - 6))\" y=\"\(y(value))\" dy=\".35em\">"
      out += "\(heights.label(value))</text>"
    }
    for (place, label) in ticks(start, end) {
      out += "<text class=\"tick middle\" x=\"\(x(place))\" y=\"\(Self.text(floor + 16))\">\(label)</text>"
    }
    out += "<text class=\"tick end\" x=\"\(edge)\" y=\"\(Self.text(Self.height - 5))\">"
    out += axis == .epochs ? "epoch</text>" : "learning rate</text>"
    if let mark, (start...end).contains(mark.x) {
      out += "<line class=\"mark\" x1=\"\(x(mark.x))\" x2=\"\(x(mark.x))\" y1=\"\(Self.text(Self.top))\" "
      out += "y2=\"\(Self.text(floor))\"><title>\(mark.name.htmlEscaped)</title></line>"
    }
    for curve in curves {
      let points = Self.thinned(curve.points).map { "\(x($0.x)),\(y($0.y))" }
      out += "<polyline class=\"c\(curve.colour)\(curve.isFaint ? " faint" : "")\" points=\""
      out += "\(points.joined(separator: " "))\"/>"
      // A line of one point shows nothing.
      if points.count == 1, let point = curve.points.first {
        out += "<circle class=\"c\(curve.colour)\" cx=\"\(x(point.x))\" cy=\"\(y(point.y))\" r=\"3\"/>"
      }
    }
    return out + "</svg>"
  }

  private func ticks(_ start: Double, _ end: Double) -> [(Double, String)] {
    switch axis {
    case .epochs: return AxisTicks(wholeTo: end).values.map { ($0, "\(Int($0))") }
    case .learningRates:
      let powers = Array(stride(from: start.rounded(.up), through: end, by: 1))
      let every = (powers.count + 5) / 6
      let shown =
        powers.count < 2
        ? [start, end] : powers.enumerated().filter { $0.offset % every == 0 }.map(\.element)
      return shown.map { ($0, LearningRateFinder.text(pow(10, $0)).replacing(".0e", with: "e")) }
    }
  }

  private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let group = (points.count + mostPoints - 1) / mostPoints
    guard group > 1 else { return points }
    return stride(from: 0, to: points.count, by: group).map { start in
      let part = points[start..<min(points.count, start + group)]
      let n = Double(part.count)
      return (part.reduce(0) { $0 + $1.x / n }, part.reduce(0) { $0 + $1.y / n })
    }
  }

  static func text(_ value: Double) -> String { String(format: "%.1f", value) }
}
