import Foundation

/// Round places along an axis: 1, 2 or 5 times a power of ten apart.
struct AxisTicks {
  /// In rising order.
  let values: [Double]
  private let step: Double

  /// Ticks that begin at or below the smallest value and end at or above the largest.
  /// - Parameter most: steps between them at most.
  init(around low: Double, _ high: Double, most: Int = 5) {
    // A curve that is flat but for rounding gets room above and below.
    let isFlat = high / 2 - low / 2 <= 1e-9 * max(abs(low), abs(high))
    let pad = isFlat ? low == 0 ? 1 : abs(low) / 10 : 0
    // So large that nothing is lost, and no sum is infinite.
    let (low, high) = (max(-1e300, low - pad), min(1e300, high + pad))
    // Rounding outwards adds at most two steps.
    step = Self.step((high - low) / Double(max(1, most - 1)))
    let (first, last) = ((low / step + 1e-9).rounded(.down), (high / step - 1e-9).rounded(.up))
    values = Self.multiples(of: step, first, last)
  }

  /// Whole numbers from 0 to at most `last`.
  init(wholeTo last: Double, most: Int = 6) {
    step = max(1, Self.step(last / Double(most)))
    values = Self.multiples(of: step, 0, (last / step + 1e-9).rounded(.down))
  }

  /// The smallest round step that is not below `least`.
  private static func step(_ least: Double) -> Double {
    let power = pow(10, log10(least).rounded(.down))
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= least * (1 - 1e-9) } ?? 10 * power
  }

  private static func multiples(of step: Double, _ first: Double, _ last: Double) -> [Double] {
    stride(from: first, through: last, by: 1).map { index in
      // A division by a whole number rounds once: 0.3 and not 0.30000000000000004.
      step < 1 ? index / (1 / step).rounded() : index * step
    }
  }

  /// As many decimals as the step has; very small and very large numbers as `1.5e-4`.
  func label(_ value: Double) -> String {
    if value == 0 { return "0" }
    if step >= 1e-3, abs(value) < 1e6 {
      let decimals = max(0, Int((-log10(step)).rounded(.up)))
      return String(format: "%.\(decimals)f", value)
    }
    let exponent = (log10(abs(value)) + 1e-9).rounded(.down)
    return String(format: "%.3g", value / pow(10, exponent)) + "e\(Int(exponent))"
  }
}
