import CKernels
import Foundation

/// What a random number is for; part of the generator's key, so that purposes never share numbers.
package enum RandomPurpose: UInt32, Sendable {
  case initialization = 1
  case shuffle = 2
  case augmentation = 3
  case dropout = 4
  case drlocPairs = 5
  case split = 6
  case synthetic = 7
  case batchTransform = 8
}

/// A key of the counter-based generator (Philox4x32-10): the same key and counter give the same
/// number anywhere, in any order, on any thread.
package struct RandomKey: Hashable, Sendable {
  package let word0: UInt32
  package let word1: UInt32

  /// - Parameter index: anything that tells streams of one purpose apart (a step, a sample).
  package init(seed: UInt64, purpose: RandomPurpose, index: UInt64 = 0) {
    // The seed, purpose and index go through the generator itself to make the key.
    var out: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    let counter = [
      UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
      purpose.rawValue, 0x5654_4B31,
    ]
    let key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
    withUnsafeMutableBytes(of: &out) {
      vt_philox($0.bindMemory(to: UInt32.self).baseAddress!, counter, key)
    }
    word0 = out.0
    word1 = out.1
  }

  private init(word0: UInt32, word1: UInt32) { (self.word0, self.word1) = (word0, word1) }

  /// A key made from this one. Each place gives different random numbers, and none gives this key's own.
  package func derived(_ place: Int) -> RandomKey {
    var out = [UInt32](repeating: 0, count: 4)
    // Generators count in the first two words.
    vt_philox(&out, [UInt32(truncatingIfNeeded: place), 0, 0, 0x5654_4B32], [word0, word1])
    return RandomKey(word0: out[0], word1: out[1])
  }

  /// The four words of a counter.
  fileprivate func block(_ counter: UInt64) -> SIMD4<UInt32> {
    var out = SIMD4<UInt32>()
    let counter = SIMD4(UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32), 0, 0)
    withUnsafeMutableBytes(of: &out) { out in
      withUnsafeBytes(of: counter) { counter in
        withUnsafeBytes(of: SIMD2(word0, word1)) { key in
          vt_philox(
            out.bindMemory(to: UInt32.self).baseAddress!, counter.bindMemory(to: UInt32.self).baseAddress!,
            key.bindMemory(to: UInt32.self).baseAddress!)
        }
      }
    }
    return out
  }

  /// The generator that walks this key's numbers from the first.
  package func generator() -> CounterGenerator { CounterGenerator(key: self) }
}

/// Walks the numbers of one key in order.
package struct CounterGenerator: RandomNumberGenerator, Sendable {
  let key: RandomKey
  private var block: UInt64 = 0
  private var words = SIMD4<UInt32>()
  /// Of `words`, those that were not given yet.
  private var left = 0

  init(key: RandomKey) { self.key = key }

  package mutating func nextWord() -> UInt32 {
    if left == 0 {
      words = key.block(block)
      block += 1
      left = 4
    }
    left -= 1
    return words[3 - left]
  }

  package mutating func next() -> UInt64 {
    let high = UInt64(nextWord())
    return high << 32 | UInt64(nextWord())
  }

  /// Uniform in [0, 1), 53 bits.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in `0..<bound`, without bias (Lemire's multiplication).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0)
    return Int(next(upperBound: UInt64(bound)))
  }

  /// Standard normal (Box and Muller).
  package mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// Normal with `std`, redrawn outside two standard deviations.
  package mutating func truncatedNormal(std: Double) -> Double {
    while true {
      let value = normal()
      if abs(value) <= 2 { return value * std }
    }
  }

  /// Gamma distributed with scale 1 (Marsaglia and Tsang, 2000).
  package mutating func gamma(_ shape: Double) -> Double {
    precondition(shape > 0)
    // Below 1 from the next larger one.
    if shape < 1 {
      let power = pow(1 - uniform(), 1 / shape)
      return gamma(shape + 1) * power
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = pow(1 + c * x, 3)
      if v > 0, log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
    }
  }

  /// Beta distributed with both parameters the same, in 0...1.
  package mutating func beta(_ shape: Double) -> Double {
    let (a, b) = (gamma(shape), gamma(shape))
    // Tiny shapes underflow to the ends.
    return a + b > 0 ? a / (a + b) : uniform() < 0.5 ? 0 : 1
  }

  /// `0..<count` in random order (Fisher and Yates).
  package mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    guard count > 1 else { return order }
    for i in stride(from: count - 1, to: 0, by: -1) { order.swapAt(i, below(i + 1)) }
    return order
  }
}
