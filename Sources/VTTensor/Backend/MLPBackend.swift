/// A layer norm's parameters and what its forward pass found: `mean` and `rstd`, one number a row.
package struct NormState {
  let mean: Storage
  let rstd: Storage
  let gamma: Storage
  let beta: Storage
  let eps: Float
  let epsOutside: Bool
}

/// Where a layer norm's gradients go.
package struct NormTarget {
  let gamma: GradientTarget?
  let beta: GradientTarget?
}

/// A linear layer's numbers: `weight [outputs, inputs]`, `bias [outputs]`.
package struct LinearValues {
  let weight: Storage
  let bias: Storage?
}

/// Where a linear layer's gradients go.
package struct LinearTarget {
  let weight: GradientTarget?
  let bias: GradientTarget?
}

/// One number for every `rowsPerScale` rows; nil for 1 everywhere.
package struct RowScales {
  let values: [Float]?
  let rowsPerScale: Int
}

/// Sizes of an MLP: `x [rows, channels]`, the first weight `[hidden, channels]`, the second `[channels, hidden]`.
package struct MLPShape: Sendable {
  package let rows: Int
  package let channels: Int
  package let hidden: Int
  package let activation: Activation
}

/// Linear layers with the layer norm in front of them.
package protocol MLPBackend: AnyObject {
  /// `y [rows, outputs] = norm(x) weightᵀ + bias`; fills the state's `mean` and `rstd`.
  func normLinearForward(
    _ shape: LinearShape, y: Storage, x: Storage, norm: NormState, linear: LinearValues)
  func normLinearBackward(
    _ shape: LinearShape, dy: Storage, x: Storage, norm: NormState, linear: LinearValues,
    dx: GradientTarget?, dnorm: NormTarget, dlinear: LinearTarget)

  /// `y = x + scales ⊙ second(activation(first(norm(x))))`; `preActivation [rows, hidden]` receives what goes into the
  /// activation where given.
  func perceptronForward(
    _ shape: MLPShape, y: Storage, preActivation: Storage?, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales)
  /// The gradients; `preActivation` is overwritten.
  func perceptronBackward(
    _ shape: MLPShape, dy: Storage, preActivation: Storage, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales, dx: GradientTarget?,
    dnorm: NormTarget, dfirst: LinearTarget, dsecond: LinearTarget)
}
