import Foundation
import VTCore

/// Chooses the part of a training image that is used.
package struct RandomCrop: Sendable, Equatable {
  /// Least and largest part of the image's area that a crop has.
  package var scale: ClosedRange<Double>
  /// Least and largest ratio of a crop's width to its height.
  package var ratios: ClosedRange<Double>

  package init(scale: ClosedRange<Double> = 0.08...1, ratios: ClosedRange<Double> = 3.0 / 4...4.0 / 3) {
    self.scale = scale
    self.ratios = ratios
  }

  /// torchvision's `RandomResizedCrop.get_params`: ten tries at a box of random area and ratio, then the
  /// largest centred one of an allowed ratio.
  func box(width: Int, height: Int, _ generator: inout CounterGenerator) -> CropBox {
    let area = Double(width * height)
    func between(_ low: Double, _ high: Double, _ u: Double) -> Double { low + (high - low) * u }
    for _ in 0..<10 {
      let target = area * between(scale.lowerBound, scale.upperBound, generator.uniform())
      let ratio = exp(between(log(ratios.lowerBound), log(ratios.upperBound), generator.uniform()))
      let w = Int((target * ratio).squareRoot().rounded(.toNearestOrEven))
      let h = Int((target / ratio).squareRoot().rounded(.toNearestOrEven))
      if w > 0, w <= width, h > 0, h <= height {
        let top = generator.below(height - h + 1)
        let left = generator.below(width - w + 1)
        return CropBox(left: left, top: top, width: w, height: h)
      }
    }
    let ratio = Double(width) / Double(height)
    var (w, h) = (width, height)
    if ratio < ratios.lowerBound {
      h = min(height, Int((Double(width) / ratios.lowerBound).rounded(.toNearestOrEven)))
    } else if ratio > ratios.upperBound {
      w = min(width, Int((Double(height) * ratios.upperBound).rounded(.toNearestOrEven)))
    }
    return CropBox(left: (width - w) / 2, top: (height - h) / 2, width: w, height: h)
  }
}
