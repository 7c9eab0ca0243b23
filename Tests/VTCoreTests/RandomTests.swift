import CKernels
import Testing
import VTCore

struct RandomTests {
  /// Known answers of the generator's authors (Random123, kat_vectors, philox4x32 10).
  @Test func philoxGivesThePublishedNumbers() {
    let cases: [([UInt32], [UInt32], [UInt32])] = [
      ([0, 0, 0, 0], [0, 0], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
      (
        [.max, .max, .max, .max], [.max, .max],
        [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
      ),
      (
        [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344], [0xA409_3822, 0x299F_31D0],
        [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
      ),
    ]
    for (counter, key, expected) in cases {
      var out = [UInt32](repeating: 0, count: 4)
      vt_philox(&out, counter, key)
      #expect(out == expected)
    }
  }

  @Test func keysGiveDifferentNumbers() {
    var seen: Set<UInt64> = []
    for seed in 0..<4 as Range<UInt64> {
      for purpose in [RandomPurpose.shuffle, .augmentation, .dropout] {
        for index in [0, 1, 1 << 32] as [UInt64] {
          var generator = RandomKey(seed: seed, purpose: purpose, index: index).generator()
          #expect(seen.insert(generator.next()).inserted)
        }
      }
    }
  }

  @Test func distributionsHaveTheirMoments() {
    var generator = RandomKey(seed: 3, purpose: .synthetic).generator()
    let count = 40_000
    let uniform = (0..<count).map { _ in generator.uniform() }
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(uniform.reduce(0, +) / Double(count) - 0.5) < 0.01)
    let normal = (0..<count).map { _ in generator.normal() }
    #expect(abs(normal.reduce(0, +) / Double(count)) < 0.03)
    #expect(abs(normal.reduce(0) { $0 + $1 * $1 } / Double(count) - 1) < 0.04)
    #expect((0..<2000).allSatisfy { _ in abs(generator.truncatedNormal(std: 0.02)) <= 0.04 })
    let order = generator.permutation(100)
    #expect(order.sorted() == Array(0..<100) && order != Array(0..<100))
  }
}
