import VTCore
import VTData

/// A grid of numbers as colours over a gray picture.
enum HeatMap {
  /// Dark violet, green, yellow. Each is brighter than the one before, so that brightness alone tells values apart.
  private static let stops: [[Double]] = [
    [45, 10, 80], [50, 75, 140], [30, 140, 130], [120, 200, 80], [250, 230, 50],
  ]
  /// Of a picture, in pixels.
  private static let largestSide = 80

  /// A picture alone or under a grid; the page's style gives it the picture of its surroundings (`pictureStyle`).
  /// - Parameters:
  ///   - values: of a square grid, row by row, 0 to 1; nil shows the picture alone.
  ///   - label: plain text, for who does not see it.
  static func html(_ values: [Double]?, label: String) -> String {
    var grid = ""
    if let values {
      let side = Int(Double(values.count).squareRoot().rounded())
      precondition(side * side == values.count)
      grid = Thumbnail.tag(width: side, height: side, pixels: values.flatMap(colour)) ?? ""
    }
    return
      "<div class=\"map\(values == nil ? "" : " under")\" role=\"img\" aria-label=\"\(label.htmlEscaped)\">\(grid)</div>"
  }

  /// What shows the picture in maps below: it is in the page once.
  static func pictureStyle(_ image: Image) -> String? {
    let side = min(largestSide, image.width)
    guard let small = try? image.resized(width: side, height: side, .bicubic) else { return nil }
    return Thumbnail.address(width: side, height: side, pixels: small.pixels).map { "--picture: url(\($0))" }
  }

  static func colour(_ value: Double) -> [UInt8] {
    let place = max(0, min(1, value)) * Double(stops.count - 1)
    let first = min(stops.count - 2, Int(place))
    let part = place - Double(first)
    return (0..<3).map { UInt8((stops[first][$0] * (1 - part) + stops[first + 1][$0] * part).rounded()) }
  }

  /// The colours from 0 to 1.
  static var scale: String {
    let colours = stops.map { "rgb(\($0.map { "\(Int($0))" }.joined(separator: " ")))" }
    return
      "<span class=\"scale\" style=\"background: linear-gradient(90deg, \(colours.joined(separator: ", ")))\"></span>"
  }
}
