import Foundation

/// What the drloc loss is for the best answer that is the same for every pair.
enum ConstantAnswer {
  /// - Parameter k: the grid's side.
  /// - Returns: nil for cycle-back regression.
  static func loss(_ options: DrlocOptions, side k: Int) -> Double? {
    var probabilities: [Int: Double] = [:]
    for i in 0..<k {
      for p in 0..<k {
        probabilities[options.keepsSign ? i - p : abs(i - p), default: 0] += 1 / Double(k * k)
      }
    }
    switch options.mode {
    case .l1:
      let unit =
        options.target == .paper ? 1 / Double(k) : options.normalizes ? 1 / Double(max(1, k - 1)) : 1
      // Absolute errors are smallest at the median.
      var (sum, median) = (0.0, 0)
      for distance in probabilities.keys.sorted() {
        sum += probabilities[distance]!
        median = distance
        if sum >= 0.5 { break }
      }
      let error = probabilities.reduce(0) { $0 + $1.value * Double(abs($1.key - median)) } * unit
      // The paper adds both coordinates, the reference takes their mean.
      return options.target == .paper ? 2 * error : error
    case .ce: return 2 * probabilities.values.reduce(0) { $0 - $1 * log($1) }
    case .cbr: return nil
    }
  }
}
