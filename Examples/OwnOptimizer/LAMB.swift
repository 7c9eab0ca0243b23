import VTKit

/// LAMB (You et al., ICLR 2020): Adam's update, which for each parameter is made as large as the parameter itself. It is
/// for large batches and high learning rates.
struct LAMB: HostOptimizer {
  static let name = "lamb"
  static let slots = ["exp_avg", "exp_avg_sq"]
  static let numbers = ["beta1": 0.9, "beta2": 0.999, "eps": 1e-6]
  static let usualWeightDecay = 0.02

  private let beta1, beta2, eps: Float

  init(_ settings: OptimizerSettings) throws {
    (beta1, beta2, eps) = (Float(settings["beta1"]), Float(settings["beta2"]), Float(settings["eps"]))
    guard (0..<1).contains(beta1), (0..<1).contains(beta2), eps > 0 else {
      throw Failure(.usage, "LAMB's betas must be in 0..<1, and its eps above 0")
    }
  }

  func update(
    _ weights: inout [Float], gradient: [Float], slots: inout [[Float]], learningRate: Float,
    weightDecay: Float, count: Int
  ) {
    // Both moments begin at 0 and are corrected for it.
    let (first, second) = (1 - power(beta1, count), 1 - power(beta2, count))
    var change = [Float](repeating: 0, count: weights.count)
    for i in weights.indices {
      let g = gradient[i]
      slots[0][i] = beta1 * slots[0][i] + (1 - beta1) * g
      slots[1][i] = beta2 * slots[1][i] + (1 - beta2) * g * g
      change[i] =
        slots[0][i] / first / ((slots[1][i] / second).squareRoot() + eps) + weightDecay * weights[i]
    }
    // What does not decay, such as a bias that begins at 0, takes the rate as it is.
    let (size, step) = (norm(weights), norm(change))
    let trust = weightDecay > 0 && size > 0 && step > 0 ? size / step : 1
    for i in weights.indices { weights[i] -= learningRate * trust * change[i] }
  }

  private func norm(_ values: [Float]) -> Float {
    Float(values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
  }

  private func power(_ base: Float, _ exponent: Int) -> Float {
    var (result, square, rest) = (Float(1), base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}
