import VTCore

/// Changes brightness, contrast, saturation and hue of every image, in random order (torchvision's `ColorJitter`, with
/// Pillow's arithmetic).
package struct ColorJitter: Transform {
  package let stream = TransformStream.colorJitter
  /// The first three draw factors from 1 - x to 1 + x, not below 0; the hue is turned by a part of a full turn, -x to x.
  package var brightness, contrast, saturation, hue: Double

  /// - Parameter spreads: of brightness, contrast, saturation and hue.
  package init(_ spreads: [Double]) {
    precondition(spreads.count == 4)
    (brightness, contrast, saturation, hue) = (spreads[0], spreads[1], spreads[2], spreads[3])
  }

  package func apply(_ image: Image, _ random: inout CounterGenerator) throws -> Image {
    let order = random.permutation(4)
    func factor(_ spread: Double) -> Double {
      let least = max(0, 1 - spread)
      return least + (1 + spread - least) * random.uniform()
    }
    let operations: [ImageOperation?] = [
      brightness > 0 ? .brightness(factor(brightness)) : nil,
      contrast > 0 ? .contrast(factor(contrast)) : nil,
      saturation > 0 ? .color(factor(saturation)) : nil,
      hue > 0 ? .hue((2 * random.uniform() - 1) * hue) : nil,
    ]
    return try order.reduce(image) { image, index in
      try operations[index].map { try image.applying($0, GeometrySettings()) } ?? image
    }
  }
}
