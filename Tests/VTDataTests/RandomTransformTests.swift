import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTData

/// Flips, rotation, colour jitter, grayscale and random erasing.
struct RandomTransformTests {
  private static let image = Image(
    width: 5, height: 3, pixels: (0..<45).map { UInt8(truncatingIfNeeded: $0 * 37 + $0 * $0) })

  private static func random(_ index: Int, _ stream: TransformStream) -> CounterGenerator {
    SampleKey(seed: 4, epoch: 2, index: index).generator(stream)
  }

  private static func results(_ transform: any Transform, _ count: Int = 400) throws -> [Image] {
    try (0..<count).map { index in
      var random = Self.random(index, transform.stream)
      return try transform.apply(image, &random)
    }
  }

  @Test func verticalFlipsReverseRows() throws {
    let rows = (0..<3).map { Array(Self.image.pixels[15 * $0..<15 * ($0 + 1)]) }
    let flipped = Image(width: 5, height: 3, pixels: rows[2] + rows[1] + rows[0])
    let results = try Self.results(VerticalFlip(probability: 0.25))
    let count = results.count { $0 == flipped }
    #expect(count + results.count { $0 == Self.image } == 400 && (70...130).contains(count))
  }

  @Test func someImagesBecomeGray() throws {
    let results = try Self.results(RandomGrayscale(probability: 0.25))
    let count = results.count { $0 == Self.image.gray() }
    #expect(count + results.count { $0 == Self.image } == 400 && (70...130).contains(count))
  }

  @Test func rotationsStayWithinTheirAngle() throws {
    let geometry = GeometrySettings(fill: [9, 8, 7], interpolation: .bilinear)
    var random = Self.random(0, .rotation)
    let angle = (2 * random.uniform() - 1) * 30
    let results = try Self.results(RandomRotation(degrees: 30, geometry: geometry), 20)
    #expect(try results[0] == Self.image.applying(.rotate(degrees: angle), geometry))
    #expect(Set(results.map(\.pixels)).count > 10)
    #expect(
      try Self.results(RandomRotation(degrees: 0, geometry: geometry), 3).allSatisfy { $0 == Self.image })
  }

  @Test func jitterAppliesItsFourOperationsInRandomOrder() throws {
    var random = Self.random(7, .colorJitter)
    let order = random.permutation(4)
    let factors = (0..<3).map { _ in 0.6 + (1.4 - 0.6) * random.uniform() }
    let operations: [ImageOperation] = [
      .brightness(factors[0]), .contrast(factors[1]), .color(factors[2]),
      .hue((2 * random.uniform() - 1) * 0.1),
    ]
    var expected = Self.image
    for index in order { expected = try expected.applying(operations[index], GeometrySettings()) }
    random = Self.random(7, .colorJitter)
    let actual = try ColorJitter([0.4, 0.4, 0.4, 0.1]).apply(Self.image, &random)
    #expect(actual == expected)
    #expect(try Self.results(ColorJitter([0, 0, 0, 0]), 3).allSatisfy { $0 == Self.image })
    // Factors do not fall below 0.
    #expect(Set(try Self.results(ColorJitter([3, 0, 0, 0]), 40).map(\.pixels)).count > 10)
  }

  /// Which numbers of a 40 x 40 image are erased, and with what.
  private static func erased(_ erasing: RandomErasing, _ index: Int) -> [Float] {
    var pixels = [Float](repeating: 99, count: 40 * 40 * 3)
    var random = Self.random(index, .erasing)
    pixels.withUnsafeMutableBufferPointer { erasing.erase($0, size: 40, channels: 3, &random) }
    return pixels
  }

  @Test(arguments: RandomErasing.Mode.allCases)
  func erasingCoversARectangle(_ mode: RandomErasing.Mode) throws {
    var count = 0
    for index in 0..<200 {
      let pixels = Self.erased(RandomErasing(probability: 0.5, mode: mode), index)
      let covered = (0..<1600).filter { pixels[3 * $0] != 99 }
      guard !covered.isEmpty else { continue }
      count += 1
      let (rows, columns) = (Set(covered.map { $0 / 40 }), Set(covered.map { $0 % 40 }))
      #expect(rows.count * columns.count == covered.count, "a rectangle")
      #expect(
        rows.max()! - rows.min()! + 1 == rows.count && columns.max()! - columns.min()! + 1 == columns.count)
      let ratio = Double(rows.count) / Double(columns.count)
      #expect((0.015...0.36).contains(Double(covered.count) / 1600) && ratio > 0.24 && ratio < 4.2)
      let values = Set(covered.flatMap { at in (0..<3).map { pixels[3 * at + $0] } })
      switch mode {
      case .const: #expect(values == [0])
      case .rand: #expect(values.count == 3 && values.allSatisfy { abs($0) < 6 })
      case .pixel: #expect(values.count > covered.count && values.allSatisfy { abs($0) < 6 })
      }
    }
    #expect((75...125).contains(count))
  }

  @Test func severalRectanglesShareTheArea() {
    let areas = (0..<200).map { index in
      Self.erased(RandomErasing(probability: 1, count: 3), index).count { $0 != 99 }
    }
    #expect(areas.max()! <= 1700 && areas.min()! > 0)
  }

  /// One image's rectangle depends neither on the batch it is in nor on other transforms.
  @Test func erasingDependsOnTheSampleAlone() throws {
    let folder = try ImageFolder(Fixtures.root + "/fixtures/runs/images")
    let steps = Preprocessing(imageSize: 12)
    func run(batchSize: Int, threads: Int, _ augmentation: Augmentation) throws -> [[Float]] {
      let loader = BatchLoader(
        items: folder.training, of: folder, batchSize: batchSize, preprocessing: steps, threads: threads,
        finish: { batch, _ in augmentation.erase(&batch) { SampleKey(seed: 1, epoch: 0, index: $0) } }
      ) { file, position in
        .pixels(try augmentation.image(file, steps, SampleKey(seed: 1, epoch: 0, index: position)))
      }
      return sequence(state: loader) { $0.next() }.flatMap { batch in
        (0..<batch.count).map { Array(batch.images[$0 * 432..<($0 + 1) * 432]) }
      }
    }
    let plain = try run(batchSize: 4, threads: 1, Augmentation())
    var augmentation = Augmentation()
    augmentation.erasing = RandomErasing(probability: 0.5, mode: .pixel)
    let erased = try run(batchSize: 4, threads: 1, augmentation)
    #expect(try run(batchSize: 7, threads: 3, augmentation) == erased && erased != plain)
    func holes(_ a: [[Float]], _ b: [[Float]]) -> [[Int]] {
      zip(a, b).map { a, b in a.indices.filter { a[$0] != b[$0] } }
    }
    let others: [any Transform] = [VerticalFlip(probability: 1), RandomGrayscale(probability: 0.5)]
    augmentation.transforms += others
    let both = try run(batchSize: 4, threads: 2, augmentation)
    augmentation.erasing = nil
    let neither = try run(batchSize: 4, threads: 2, augmentation)
    #expect(holes(both, neither) == holes(erased, plain))
  }
}
