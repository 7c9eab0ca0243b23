import Foundation
import VTCheckpoint

/// Untrained position tables: sines and cosines of row and column. They distinguish some published networks
/// from others of the same shapes.
enum FixedPositions {
  /// Whether a table that a file stores as learned has the values of a fixed one: sines, then cosines of one
  /// coordinate times `10000^(-i / (D/4))`, then of the other (MAE, He et al., CVPR 2022: column first; MoCo
  /// v3, Chen et al., ICCV 2021: row first), after rows of zeros for the class token.
  /// - Parameter table: `[1, T, D]` or `[T, D]`.
  static func isFixed(_ table: StoredTensor) throws -> Bool {
    guard let width = table.shape.last, width % 4 == 0, width > 0, table.type.isFloat else { return false }
    let rows = table.elementCount / width
    let side = Int(Double(rows).squareRoot())
    guard side > 1 else { return false }
    let values = try table.floats()
    // Half precision keeps three decimal digits.
    let tolerance: Float = table.type == .f32 || table.type == .f64 ? 1e-4 : 1e-2
    let first = (rows - side * side) * width
    guard values[..<first].allSatisfy({ abs($0) <= tolerance }) else { return false }
    let omega = (0..<width / 4).map { pow(10000, -Double($0) / Double(width / 4)) }
    func wave(_ place: Int) -> [Float] {
      omega.map { Float(sin(Double(place) * $0)) } + omega.map { Float(cos(Double(place) * $0)) }
    }
    let waves = (0..<side).map(wave)
    func agrees(columnFirst: Bool) -> Bool {
      for y in 0..<side {
        for x in 0..<side {
          let expected = columnFirst ? waves[x] + waves[y] : waves[y] + waves[x]
          let at = first + (y * side + x) * width
          for (index, value) in expected.enumerated() where !(abs(values[at + index] - value) <= tolerance) {
            return false
          }
        }
      }
      return true
    }
    return agrees(columnFirst: true) || agrees(columnFirst: false)
  }
}
