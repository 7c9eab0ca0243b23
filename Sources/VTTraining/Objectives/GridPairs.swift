import VTCore
import VTTensor

/// Pairs of grid positions, drawn uniformly with replacement: flat indices, `[batch * pairs]`.
package struct GridPairs: Sendable, Equatable {
  package var first: [Int32]
  package var second: [Int32]

  package init(first: [Int32] = [], second: [Int32] = []) {
    self.first = first
    self.second = second
  }

  /// Pairs for the grids of every scale, one image's after the other's.
  /// - Parameters:
  ///   - keys: one an image, so that its pairs depend on nothing else.
  ///   - sides: of the grids.
  package static func draw(keys: [RandomKey], pairs: Int, sides: [Int]) -> [GridPairs] {
    var result = [GridPairs](repeating: GridPairs(), count: sides.count)
    for key in keys {
      var generator = key.generator()
      for (scale, side) in sides.enumerated() {
        for _ in 0..<pairs {
          result[scale].first.append(Int32(generator.below(side * side)))
          result[scale].second.append(Int32(generator.below(side * side)))
        }
      }
    }
    return result
  }

  /// Rows and columns by which the first position is beyond the second, `[batch * pairs, 2]`.
  func offsets(side: Int) -> [(row: Int, column: Int)] {
    zip(first, second).map { a, b in
      let (ra, ca) = Int(a).quotientAndRemainder(dividingBy: side)
      let (rb, cb) = Int(b).quotientAndRemainder(dividingBy: side)
      return (ra - rb, ca - cb)
    }
  }
}
