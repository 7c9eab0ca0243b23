import Foundation

/// The probabilities of one image's classes, in double precision.
struct Softmax {
  private let logits: [Double]
  let largest: Double
  /// Of the exponentials of the logits less the largest.
  let sum: Double

  /// - Parameter logits: of one image, divided by a temperature already if there is one.
  init(_ logits: [Double]) {
    self.logits = logits
    let largest = logits.max() ?? 0
    self.largest = largest
    sum = logits.reduce(0) { $0 + exp($1 - largest) }
  }

  init(_ logits: ArraySlice<Float>) { self.init(logits.map { Double($0) }) }

  subscript(_ index: Int) -> Double { exp(logits[index] - largest) / sum }

  /// Minus the logarithm of a probability.
  func crossEntropy(_ index: Int) -> Double { largest + log(sum) - logits[index] }
}
