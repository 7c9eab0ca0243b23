import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTData

struct AugmentationPolicyTests {
  private static let document = ImageOperationTests.generated.document
  private static let image = try! Image.load(Fixtures.root + "/fixtures/runs/images/train/red/0.png")

  private static func generator(_ index: Int) -> CounterGenerator {
    SampleKey(seed: 3, epoch: 1, index: index).generator(.policy)
  }

  @Test(arguments: AutoAugment.names)
  func policiesAreThoseOfTimmAndTorchvision(_ name: String) throws {
    let policy = try #require(try AugmentationPolicies.named("autoaugment-" + name) as? AutoAugment)
    let expected = try #require(Self.document["policies"]?[name]?.array)
    #expect(policy.pairs.count == expected.count && expected.count == (name == "3a" ? 3 : 25))
    for (pair, other) in zip(policy.pairs, expected) {
      let steps = try #require(other.array)
      #expect(pair.count == steps.count && steps.count == (name == "3a" ? 1 : 2))
      for (step, other) in zip(pair, steps) {
        let parts = try #require(other.array)
        #expect(step.operation == parts[0].string && step.probability == parts[1].double)
        // What has no magnitude in torchvision has one in the paper.
        if let magnitude = parts[2].int { #expect(step.magnitude == magnitude) }
        let isKnown =
          ["imagenet", "cifar10", "svhn"].contains(name)
          ? BinnedOperation(rawValue: step.operation) != nil
          : LeveledOperation(rawValue: step.operation) != nil
        #expect(isKnown)
      }
    }
  }

  @Test func randAugmentChoosesAsTimmDoes() throws {
    func names(_ key: String) -> [String]? {
      Self.document["choices"]?[key]?.array?.compactMap(\.string)
    }
    #expect(RandAugment.plain.map(\.rawValue) == names("plain"))
    #expect(RandAugment.increasing.map(\.rawValue) == names("increasing"))
    #expect(AugMix.operations.map(\.rawValue) == names("augmix"))
    #expect(RandAugment.three.map(\.rawValue) == names("three"))
    for (key, set) in [("weighted", RandAugment.weighted), ("threeWeighted", RandAugment.threeWeighted)] {
      let weights = try #require(Self.document["choices"]?[key]?.members)
      #expect(set.map(\.0.rawValue) == weights.map(\.key))
      #expect(set.map(\.1) == weights.compactMap(\.value.double))
    }
  }

  @Test func sectionsSayWhatTheySayInTimm() throws {
    func read(_ name: String) throws -> RandAugment {
      try #require(try AugmentationPolicies.named(name) as? RandAugment)
    }
    var expected = RandAugment()
    #expect(try read("rand") == expected)
    expected.magnitude = 9
    expected.noise.deviation = 0.5
    expected.operations = RandAugment.increasing
    #expect(try read("rand-m9-mstd0.5-inc1") == expected)
    #expect(try read("rand-inc1-mstd0.5-m9") == expected)
    expected.operations = RandAugment.plain
    expected.count = 3
    expected.probability = 0.75
    expected.noise = LevelNoise(deviation: .infinity, limit: 15)
    #expect(try read("rand-m9-n3-p0.75-mstd101-mmax15-inc0") == expected)
    let weighted = try read("rand-tweights")
    #expect(weighted.weights?.count == 15 && weighted.magnitude == 10)
  }

  @Test(arguments: [
    ("rand-x9", "RandAugment has no 'x9'; it has m (magnitude)"), ("rand-w0", "timm has dropped 'w'"),
    ("rand-t3", "there is no set of operations 't3'"),
    ("rand-n15-t3aw", "'n15': there are 14 operations"), ("rand-m", "'m' is not a letter"),
    ("rand-", "'' is not a letter"), ("rand-m9-m8", "'m' is given twice"),
    ("rand-m9.5", "'m9.5': m is a whole number from 0 to 30"), ("rand-m31", "'m31': m is a whole number"),
    ("rand-n0", "'n0': n is a whole number from 1 to 15"), ("rand-p1.5", "'p1.5': p is a number from 0 to 1"),
    ("rand-mstd0x1", "'mstd0x1': mstd is a number"), ("rand-inc2", "'inc2': inc is a whole number"),
    ("randaugment", "there is no such policy; there are rand-m9-mstd0.5-inc1"),
    ("", "there is no such policy"),
    ("autoaugment", "it does not say which policy of AutoAugment: original"),
    ("autoaugment-v1", "AutoAugment has no policy 'v1'; there are autoaugment-original"),
    ("autoaugment-v0-m9", "AutoAugment has no 'm9'; it has mstd"),
    ("autoaugment-cifar10-mstd1", "AutoAugment has no 'mstd1'"),
    ("trivialaugment-m9", "TrivialAugment has no sections"), ("augmix-b1", "'b1' of timm's AugMix"),
    ("augmix-m3-q1", "AugMix has no 'q1'"),
  ])
  func mistakesAreNamed(_ name: String, _ problem: String) {
    let failure = #expect(throws: Failure.self) { try AugmentationPolicies.named(name) }
    #expect(failure?.problem.hasPrefix(problem) == true, "\(failure?.description ?? "")")
  }

  @Test(
    arguments: AugmentationPolicies.examples + [
      "rand-m9-n3-tweights", "rand-m9-t3a", "rand-m9-t3aw", "v0r-mstd0.5", "rand-m15-mstd101-mmax20-inc1",
    ])
  func eachImageHasItsOwnNumbers(_ name: String) throws {
    let policy = try AugmentationPolicies.named(name)
    let image = try Self.image.resized(width: 23, height: 23, .bilinear)
    func run() throws -> [Image] {
      try (0..<40).map { index in
        var random = Self.generator(index)
        return try policy.apply(image, GeometrySettings(fill: [1, 2, 3]), &random)
      }
    }
    let images = try run()
    #expect(try run() == images)
    #expect(images.allSatisfy { $0.width == 23 && $0.height == 23 })
    // Most change the image, and differently.
    #expect(Set(images.map(\.pixels)).count > 9)
  }

  /// What is drawn, over many images: how many operations change the image, and how often each level.
  @Test func probabilitiesAreThoseOfTheName() throws {
    let gray = Image(width: 1, height: 1, pixels: [10, 100, 200])
    func changed(_ name: String) throws -> Double {
      let policy = try AugmentationPolicies.named(name)
      let count = try (0..<2000).count { index in
        var random = Self.generator(index)
        return try policy.apply(gray, GeometrySettings(), &random) != gray
      }
      return Double(count) / 2000
    }
    #expect(try changed("rand-p0") == 0)
    // Inverting and others show in a single pixel; contrast and geometry do not always.
    let (half, all) = (try changed("rand-n1-p0.5"), try changed("rand-n1-p1"))
    #expect(all > 0.3 && abs(half - all / 2) < 0.04)
    var random = Self.generator(0)
    let noise = LevelNoise(deviation: 0.5)
    let levels = (0..<4000).map { _ in noise.level(9, &random) }
    #expect(abs(levels.reduce(0, +) / 4000 - 9) < 0.05 && levels.max() == 10 && levels.min()! > 6.5)
    let even = (0..<4000).map { _ in LevelNoise(deviation: .infinity).level(8, &random) }
    #expect(abs(even.reduce(0, +) / 4000 - 4) < 0.15 && even.max()! <= 8 && even.min()! >= 0)
  }

  @Test func weightsDrawNoOperationTwice() throws {
    let policy = try #require(try AugmentationPolicies.named("rand-n15-tweights") as? RandAugment)
    var first: [LeveledOperation: Int] = [:]
    for index in 0..<2000 {
      var random = Self.generator(index)
      let drawn = policy.drawn(&random)
      #expect(drawn.count == 15 && Set(drawn).count == 15)
      first[drawn[0], default: 0] += 1
    }
    let sum = RandAugment.weighted.map(\.1).reduce(0, +)
    for (operation, weight) in RandAugment.weighted {
      #expect(abs(Double(first[operation] ?? 0) / 2000 - weight / sum) < 0.04, "\(operation)")
    }
  }
}
