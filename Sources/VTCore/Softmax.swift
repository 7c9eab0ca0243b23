import Foundation

/// The probabilities of one image's classes, in double precision.
package struct Softmax {
  private let logits: [Double]
  package let largest: Double
  /// Of the exponentials of the logits less the largest.
  private let sum: Double

  /// - Parameter logits: of one image, divided by a temperature already if there is one.
  package init(_ logits: [Double]) {
    self.logits = logits
    let largest = logits.max() ?? 0
    self.largest = largest
    sum = logits.reduce(0) { $0 + exp($1 - largest) }
  }

  package init(_ logits: ArraySlice<Float>) { self.init(logits.map { Double($0) }) }

  package subscript(_ index: Int) -> Double { exp(logits[index] - largest) / sum }

  /// Minus the logarithm of a probability.
  package func crossEntropy(_ index: Int) -> Double { largest + log(sum) - logits[index] }
}
