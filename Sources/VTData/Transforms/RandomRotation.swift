import VTCore

/// Turns every image by a random angle about its centre (torchvision's `RandomRotation`).
package struct RandomRotation: Transform {
  package let stream = TransformStream.rotation
  /// The largest angle, either way.
  package var degrees: Double
  package var geometry: GeometrySettings

  package init(degrees: Double, geometry: GeometrySettings) {
    (self.degrees, self.geometry) = (degrees, geometry)
  }

  package func apply(_ image: Image, _ random: inout CounterGenerator) throws -> Image {
    try image.applying(.rotate(degrees: (2 * random.uniform() - 1) * degrees), geometry)
  }
}
