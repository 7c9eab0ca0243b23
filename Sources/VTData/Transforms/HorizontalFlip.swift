import VTCore

/// Mirrors some images left to right. Its number follows the crop's, as it always did: with one of its own, every seeded
/// run would change.
package struct HorizontalFlip: Transform {
  package let stream = TransformStream.crop
  package var probability: Double

  package init(probability: Double = 0.5) { self.probability = probability }

  package func apply(_ image: Image, _ random: inout CounterGenerator) -> Image {
    random.uniform() < probability ? image.flipped() : image
  }
}
