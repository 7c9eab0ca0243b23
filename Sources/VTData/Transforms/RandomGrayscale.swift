import VTCore

/// Makes some images gray; the network still gets three channels.
package struct RandomGrayscale: Transform {
  package let stream = TransformStream.grayscale
  package var probability: Double

  package init(probability: Double) { self.probability = probability }

  package func apply(_ image: Image, _ random: inout CounterGenerator) -> Image {
    random.uniform() < probability ? image.gray() : image
  }
}
