/// Sums, multiples and masks.
package protocol ElementwiseBackend {
  /// `y = a + scale * b`; `y` may be either.
  func add(_ y: Storage, _ a: Storage, _ b: Storage, scale: Float)
  /// The same with a factor of one element.
  func add(_ y: Storage, _ a: Storage, _ b: Storage, factor: Storage)
  /// `y = a + scales ⊙ b`, one scale for every `b.count / scales.count` elements.
  func addRows(_ y: Storage, _ a: Storage, _ b: Storage, scales: Storage)
  /// `y = factor * x`.
  func scale(_ y: Storage, _ x: Storage, by factor: Float)
  /// `x *= factor`, one element.
  func scale(_ x: Storage, by factor: Storage)

  /// `y [rows, columns] = factors [rows] ⊙ x`.
  func scaleRows(y: Storage, x: Storage, factors: Storage, rows: Int, columns: Int)
  func scaleRowsBackward(
    dy: Storage, x: Storage, factors: Storage, rows: Int, columns: Int, dx: GradientTarget?,
    dfactors: GradientTarget?)

  /// Inverted dropout, in both directions; the mask is a function of `key [2]`, of words, and `stream`.
  func dropout(y: GradientTarget, x: Storage, rate: Float, key: Storage, stream: UInt64)
}
