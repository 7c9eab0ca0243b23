import VTCore

/// Turns some images upside down, as a mirror on the floor shows them.
package struct VerticalFlip: Transform {
  package let stream = TransformStream.verticalFlip
  package var probability: Double

  package init(probability: Double) { self.probability = probability }

  package func apply(_ image: Image, _ random: inout CounterGenerator) -> Image {
    random.uniform() < probability ? image.oriented(4) : image
  }
}
