import Foundation
import Testing
import TestSupport
import VTCore

@testable import VTData

/// What happens to training images at random.
struct AugmentationTests {
  /// Adds its number to every pixel, and keeps what it drew.
  private final class Recorder: Transform, @unchecked Sendable {
    let stream: TransformStream
    var drawn: [UInt32] = []

    init(_ stream: TransformStream) { self.stream = stream }

    func apply(_ image: Image, _ random: inout CounterGenerator) -> Image {
      drawn.append(random.nextWord())
      return image
    }
  }

  /// As mixup does it: a part of each image and of its label comes from the image behind it.
  private struct Mix: BatchTransform {
    func apply(_ batch: inout Batch, _ random: inout CounterGenerator) {
      let part = Float(random.uniform())
      func mixed(_ values: [Float]) -> [Float] {
        let width = values.count / batch.count
        return values.indices.map { at in
          (1 - part) * values[at] + part * values[(at + width) % values.count]
        }
      }
      batch.images = mixed(batch.images)
      batch.targets = batch.targets.map(mixed)
    }
  }

  private static let steps = Preprocessing(imageSize: 12)
  private static let file = Fixtures.root + "/fixtures/runs/images/train/red/0.png"

  @Test func cropsStayInsideAndKeepTheirLimits() {
    var generator = RandomKey(seed: 2, purpose: .augmentation).generator()
    let crop = RandomCrop(scale: 0.2...0.8)
    for (width, height) in [(50, 40), (300, 20), (20, 300), (1, 1)] {
      for _ in 0..<200 {
        let box = crop.box(width: width, height: height, &generator)
        #expect(box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0)
        #expect(box.left + box.width <= width && box.top + box.height <= height)
      }
    }
    var areas: [Double] = []
    for _ in 0..<500 {
      let box = crop.box(width: 400, height: 400, &generator)
      areas.append(Double(box.width * box.height) / 160_000)
      let ratio = Double(box.width) / Double(box.height)
      #expect(ratio > 0.73 && ratio < 1.36)
    }
    #expect(areas.min()! > 0.18 && areas.max()! < 0.82 && areas.max()! - areas.min()! > 0.4)
  }

  /// The numbers of every seeded run since version 0.1.
  @Test func theFlipGoesOnWithTheCropsNumbers() throws {
    let image = try Image.load(Self.file)
    for index in 0..<20 {
      var generator = RandomKey(seed: 5, purpose: .augmentation, index: UInt64(3) << 32 | UInt64(index))
        .generator()
      let box = RandomCrop().box(width: image.width, height: image.height, &generator)
      let resized = try image.part(box).resized(width: 12, height: 12, .bicubic)
      let expected = generator.uniform() < 0.5 ? resized.flipped() : resized
      let actual = try Augmentation().image(
        EncodedImage(Self.file), Self.steps, SampleKey(seed: 5, epoch: 3, index: index))
      #expect(actual == expected)
    }
  }

  @Test func aTransformMoreChangesNoOthersNumbers() throws {
    let (first, second) = (Recorder(.policy), Recorder(.grayscale))
    func run(_ transforms: [any Transform]) throws -> [Image] {
      var augmentation = Augmentation()
      augmentation.transforms = transforms
      return try (0..<6).map { index in
        try augmentation.image(
          EncodedImage(Self.file), Self.steps, SampleKey(seed: 1, epoch: 2, index: index))
      }
    }
    let plain = try run([HorizontalFlip()])
    #expect(try run([HorizontalFlip(), first]) == plain)
    #expect(try run([HorizontalFlip(), Recorder(.policy), second]) == plain)
    let alone = first.drawn
    first.drawn = []
    _ = try run([HorizontalFlip(), Recorder(.rotation), first])
    #expect(first.drawn == alone && Set(alone + second.drawn).count == 12)
  }

  @Test func batchTransformsSeeProbabilities() throws {
    let folder = try ImageFolder(Fixtures.root + "/fixtures/runs/images")
    var augmentation = Augmentation()
    func batches(threads: Int) -> [Batch] {
      let used = augmentation
      let loader = BatchLoader(
        items: folder.validation, of: folder, batchSize: 4, preprocessing: Self.steps, threads: threads,
        finish: { used.apply(to: &$0, classes: 3, SampleKey(seed: 1, epoch: 0, index: $1)) }
      ) { file, _ in try Self.steps.evaluationImage(file.image()) }
      return Array(sequence(state: loader) { $0.next() })
    }
    let plain = batches(threads: 1)
    #expect(plain.allSatisfy { $0.targets == nil })
    augmentation.batchTransforms = [Mix()]
    let mixed = batches(threads: 2)
    #expect(mixed.map(\.images) == batches(threads: 1).map(\.images) && mixed.map(\.count) == [4, 4, 1])
    for (index, batch) in mixed.enumerated() {
      let targets = try #require(batch.targets)
      var random = SampleKey(seed: 1, epoch: 0, index: index).key(.batchTransform).derived(1).generator()
      let part = Float(random.uniform())
      for row in 0..<batch.count {
        let next = (row + 1) % batch.count
        var expected: [Float] = [0, 0, 0]
        expected[Int(batch.labels[row])] += 1 - part
        expected[Int(batch.labels[next])] += part
        #expect(Array(targets[3 * row..<3 * row + 3]) == expected)
      }
      #expect(batch.count == 1 || batch.images != plain[index].images)
    }
  }
}
