import Foundation
import VTCore
import VTModels
import VTTensor

/// How far the drloc head's answers are from the true distances, in cells of the grid, whatever the head answers.
enum DrlocErrors {
  private static let pairsPerCell = 8

  /// Of one image's pairs.
  static func count(side: Int) -> Int { pairsPerCell * side * side }

  /// Pairs of one image's positions in which every cell has some partners, drawn from all cells.
  static func pairs(side: Int, _ key: RandomKey) -> GridPairs {
    let count = count(side: side)
    let drawn = GridPairs.draw(keys: [key], pairs: count, sides: [side])[0]
    return GridPairs(first: (0..<count).map { Int32($0 / pairsPerCell) }, second: drawn.second)
  }

  /// One for each pair: the mean of the errors of rows and of columns.
  /// - Parameter answers: the head's (`DrlocHead.predictions`).
  static func ofPairs(
    _ answers: [Tensor], _ pairs: GridPairs, side: Int, _ options: DrlocOptions
  ) -> [Double] {
    switch options.mode {
    case .l1:
      let (told, expected) = (answers[0].values, DrlocHead.targets(pairs, side: side, options))
      let unit = Double(DrlocHead.unit(side: side, options))
      return pairs.first.indices.map { pair in
        let errors = [2 * pair, 2 * pair + 1].map { abs(Double(told[$0]) - Double(expected[$0])) }
        return (errors[0] + errors[1]) / 2 / unit
      }
    case .ce, .cbr:
      let errors = zip(answers, DrlocHead.classes(pairs, side: side, options)).map { logits, classes in
        zip(places(logits, isMean: options.mode == .cbr), classes).map { abs($0 - Double($1)) }
      }
      return zip(errors[0], errors[1]).map { ($0 + $1) / 2 }
    }
  }

  /// The class that each row of logits tells: the likeliest, or the mean of their distribution.
  private static func places(_ logits: Tensor, isMean: Bool) -> [Double] {
    let (values, classes) = (logits.values, logits.channels)
    return stride(from: 0, to: values.count, by: classes).map { start in
      let softmax = Softmax(values[start..<start + classes])
      return isMean
        ? (0..<classes).reduce(0) { $0 + Double($1) * softmax[$1] }
        : Double((0..<classes).first { Double(values[start + $0]) == softmax.largest } ?? 0)
    }
  }

  /// The mean error of the pairs that a cell is in, row by row.
  /// - Precondition: every cell is in one.
  static func map(_ errors: [Double], _ pairs: GridPairs, side: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: side * side)
    var counts = [Int](repeating: 0, count: side * side)
    for (pair, error) in errors.enumerated() {
      for cell in Set([pairs.first[pair], pairs.second[pair]]) {
        sums[Int(cell)] += error
        counts[Int(cell)] += 1
      }
    }
    precondition(!counts.contains(0))
    return zip(sums, counts).map { $0 / Double($1) }
  }

  /// The mean error, in cells, of the best answer that is the same for every pair.
  static func ofConstantAnswer(_ options: DrlocOptions, side: Int) -> Double {
    // The reference's distances are in cells, and its mean is over both coordinates.
    let cells = DrlocOptions(target: .reference, mode: .l1, isSigned: options.keepsSign)
    return ConstantAnswer.loss(cells, side: side) ?? 0
  }
}
