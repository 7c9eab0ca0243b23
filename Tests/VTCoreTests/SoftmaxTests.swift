import Foundation
import Testing
import VTCore

@Suite struct SoftmaxTests {
  @Test func probabilitiesOfKnownLogits() {
    let softmax = Softmax([0, log(3), log(4)])
    for (index, expected) in [0.125, 0.375, 0.5].enumerated() {
      #expect(abs(softmax[index] - expected) < 1e-15)
      #expect(abs(softmax.crossEntropy(index) + log(expected)) < 1e-15)
    }
  }

  @Test func largeLogitsDoNotOverflow() {
    let softmax = Softmax([1e4, 1e4, -1e4])
    #expect(softmax[0] == 0.5 && softmax[1] == 0.5 && softmax[2] == 0)
    #expect(abs(softmax.crossEntropy(2) - (2e4 + log(2))) < 1e-11)
  }
}
