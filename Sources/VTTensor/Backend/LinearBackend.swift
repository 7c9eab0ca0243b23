import CKernels

/// An elementwise activation; see `vt_activation` for the formulas.
public enum Activation: String, Sendable, CaseIterable {
  /// The identity.
  case none
  /// `x Φ(x)`, Φ the normal distribution.
  case gelu
  /// GELU's approximation by tanh.
  case geluTanh = "gelu_tanh"
  /// `x σ(1.702 x)`.
  case quickGELU = "quick_gelu"
  /// `max(x, 0)`.
  case relu
  /// `tanh(x)`.
  case tanh

  var kernel: vt_activation {
    switch self {
    case .none: VT_ACTIVATION_NONE
    case .gelu: VT_ACTIVATION_GELU
    case .geluTanh: VT_ACTIVATION_GELU_TANH
    case .quickGELU: VT_ACTIVATION_QUICK_GELU
    case .relu: VT_ACTIVATION_RELU
    case .tanh: VT_ACTIVATION_TANH
    }
  }
}

/// Sizes of a linear layer: `x [rows, inputs]`, `weight [outputs, inputs]`, `y [rows, outputs]`.
package struct LinearShape: Hashable, Sendable {
  package let rows: Int
  package let inputs: Int
  package let outputs: Int

  /// Floating-point operations of the product.
  var flops: Int { 2 * rows * inputs * outputs }
}

/// Sizes of an MLP: `x [rows, channels]`, the first weight `[hidden, channels]`, the second `[channels, hidden]`.
package struct MLPShape: Hashable, Sendable {
  package let rows: Int
  package let channels: Int
  package let hidden: Int
  package let activation: Activation
}

/// A layer norm's parameters and the statistics of its forward pass: `mean` and `rstd`, one value per row.
package struct NormState {
  let mean: Storage
  let rstd: Storage
  let gamma: Storage
  let beta: Storage
  let eps: Float
  let epsOutside: Bool

  /// - Parameter saved: begins with mean and rstd.
  init(saved: [Storage], gamma: Storage, beta: Storage, eps: Float, epsOutside: Bool) {
    (mean, rstd) = (saved[0], saved[1])
    (self.gamma, self.beta, self.eps, self.epsOutside) = (gamma, beta, eps, epsOutside)
  }
}

/// Where a layer norm's gradients are written.
package struct NormTarget {
  let gamma: GradientTarget?
  let beta: GradientTarget?
}

/// A linear layer's parameters: `weight [outputs, inputs]`, `bias [outputs]`.
package struct LinearValues {
  let weight: Storage
  let bias: Storage?
}

/// Where a linear layer's gradients are written.
package struct LinearTarget {
  let weight: GradientTarget?
  let bias: GradientTarget?
}

/// One scale for every `rowsPerScale` rows; nil for 1 everywhere.
package struct RowScales {
  let values: Storage?
  let rowsPerScale: Int
}

/// Linear layers, fused with what precedes or follows them.
package protocol LinearBackend {
  /// `y = residual + scales ⊙ activation(x weightᵀ + bias)`. `preActivation` receives the activation's input
  /// if given.
  func linearForward(
    _ shape: LinearShape, y: Storage, preActivation: Storage?, x: Storage, linear: LinearValues,
    activation: Activation, residual: Storage?, scales: RowScales)
  /// From `dy`, which it may overwrite unless `keepsDy`, the gradients of `x`, `weight` and `bias`.
  func linearBackward(
    _ shape: LinearShape, dy: Storage, preActivation: Storage?, x: Storage, weight: Storage,
    activation: Activation, scales: RowScales, keepsDy: Bool, dx: GradientTarget?, dlinear: LinearTarget)

  /// `y [rows, outputs] = norm(x) weightᵀ + bias`; fills the state's `mean` and `rstd`.
  func normLinearForward(
    _ shape: LinearShape, y: Storage, x: Storage, norm: NormState, linear: LinearValues)
  func normLinearBackward(
    _ shape: LinearShape, dy: Storage, x: Storage, norm: NormState, linear: LinearValues,
    dx: GradientTarget?, dnorm: NormTarget, dlinear: LinearTarget)

  /// `y = x + scales ⊙ second(activation(first(norm(x))))`; `preActivation [rows, hidden]` receives the
  /// activation's input if given.
  func mlpForward(
    _ shape: MLPShape, y: Storage, preActivation: Storage?, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales)
  /// The gradients; `preActivation` is overwritten.
  func mlpBackward(
    _ shape: MLPShape, dy: Storage, preActivation: Storage, x: Storage, norm: NormState,
    first: LinearValues, second: LinearValues, scales: RowScales, dx: GradientTarget?,
    dnorm: NormTarget, dfirst: LinearTarget, dsecond: LinearTarget)
}
