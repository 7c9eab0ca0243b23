import Foundation
import VTCore

/// Covers a rectangle of some images (Zhong et al. 2017), as timm does: after images are normalized.
package struct RandomErasing: Sendable {
  /// What rectangles are filled with.
  package enum Mode: String, Sendable, CaseIterable {
    /// 0, which is the mean colour.
    case const
    /// A colour drawn for each rectangle.
    case rand
    /// A colour drawn for each pixel.
    case pixel
  }

  package var probability: Double
  package var mode: Mode
  /// The most rectangles that an image gets; they share the area.
  package var count: Int
  /// The part of the image's area.
  package var area = 0.02...1.0 / 3
  /// Of a rectangle's height to its width, or of its width to its height.
  package var leastRatio = 0.3

  package init(probability: Double, mode: Mode = .const, count: Int = 1) {
    (self.probability, self.mode, self.count) = (probability, mode, count)
  }

  /// - Parameter pixels: one image's numbers, `[size, size, channels]`, normalized.
  func erase(
    _ pixels: UnsafeMutableBufferPointer<Float>, size: Int, channels: Int, _ random: inout CounterGenerator
  ) {
    guard random.uniform() < probability else { return }
    let rectangles = 1 + random.below(count)
    for _ in 0..<rectangles {
      guard let box = box(size: size, rectangles: rectangles, &random) else { continue }
      let color = (0..<channels).map { _ in mode == .rand ? Float(random.normal()) : 0 }
      for y in box.top..<box.top + box.height {
        let first = (y * size + box.left) * channels
        for at in first..<first + box.width * channels {
          pixels[at] = mode == .pixel ? Float(random.normal()) : color[(at - first) % channels]
        }
      }
    }
  }

  /// Ten tries at a rectangle that fits; the image may go without one.
  private func box(size: Int, rectangles: Int, _ random: inout CounterGenerator) -> CropBox? {
    func between(_ low: Double, _ high: Double, _ u: Double) -> Double { low + (high - low) * u }
    for _ in 0..<10 {
      let target =
        between(area.lowerBound, area.upperBound, random.uniform()) * Double(size * size) / Double(rectangles)
      let ratio = exp(between(log(leastRatio), -log(leastRatio), random.uniform()))
      let height = Int((target * ratio).squareRoot().rounded(.toNearestOrEven))
      let width = Int((target / ratio).squareRoot().rounded(.toNearestOrEven))
      guard width < size, height < size else { continue }
      let top = random.below(size - height + 1)
      let left = random.below(size - width + 1)
      return CropBox(left: left, top: top, width: width, height: height)
    }
    return nil
  }
}
