import Foundation
import VTCheckpoint
import VTData

/// A small image inside a page.
enum Thumbnail {
  /// Of an image on the page, in pixels.
  private static let largestSide = 96

  /// The image as an element; one that says so where it cannot be read.
  static func tag(_ sample: Sample, of source: any ImageSource) -> String {
    guard let image = try? source.image(of: sample).image(), let tag = try? tag(image) else {
      return "<p class=\"dim\">cannot be read</p>"
    }
    return tag
  }

  private static func tag(_ image: Image) throws -> String {
    let scale = min(1, Double(largestSide) / Double(max(image.width, image.height)))
    let (width, height) = (
      max(1, Int(Double(image.width) * scale)), max(1, Int(Double(image.height) * scale))
    )
    let small = try image.resized(width: width, height: height, .bicubic)
    return tag(width: width, height: height, pixels: small.pixels) ?? ""
  }

  /// - Parameter pixels: `height * width * 3` bytes.
  /// - Returns: nil where memory is short.
  static func tag(width: Int, height: Int, pixels: [UInt8]) -> String? {
    address(width: width, height: height, pixels: pixels).map {
      "<img alt=\"\" width=\"\(width)\" height=\"\(height)\" src=\"\($0)\">"
    }
  }

  /// The image as an address that holds all of it.
  static func address(width: Int, height: Int, pixels: [UInt8]) -> String? {
    guard let png = try? PNGEncoder.encode(width: width, height: height, pixels: pixels) else { return nil }
    return "data:image/png;base64,\(Data(png).base64EncodedString())"
  }
}
