/// An image after resizing and cropping, before its numbers are the network's.
package enum PreparedImage: Sendable {
  case pixels(Image)
  case levels(ImageLevels)

  /// How many numbers it has: height * width * 3.
  var count: Int {
    switch self {
    case .pixels(let image): image.pixels.count
    case .levels(let image): image.levels.count
    }
  }
}

/// An image whose levels, 0 to 255, are not rounded to bytes: what TensorFlow's `tf.image.resize` makes.
package struct ImageLevels: Sendable, Equatable {
  package let width: Int
  package let height: Int
  /// `height * width * 3` numbers, RGB, row by row.
  package let levels: [Float]

  /// As `Image.centerCropped`.
  func centerCropped(_ size: Int, halvesDown: Bool) -> ImageLevels {
    let left = Image.cropOffset(width, size, halvesDown: halvesDown)
    let top = Image.cropOffset(height, size, halvesDown: halvesDown)
    if (left, top, width, height) == (0, 0, size, size) { return self }
    var out = [Float](repeating: 0, count: size * size * 3)
    for y in max(0, -top)..<max(0, -top, min(size, height - top)) {
      for x in max(0, -left)..<max(0, -left, min(size, width - left)) {
        for c in 0..<3 { out[(y * size + x) * 3 + c] = levels[((y + top) * width + x + left) * 3 + c] }
      }
    }
    return ImageLevels(width: size, height: size, levels: out)
  }
}

extension Image {
  /// Resized bilinearly without antialiasing, pixel centres at halves, as `tf.image.resize` does.
  func interpolated(width: Int, height: Int) -> ImageLevels {
    let across = Neighbours(from: self.width, to: width)
    let down = Neighbours(from: self.height, to: height)
    let row = width * 3
    var rows = [Float](repeating: 0, count: self.height * row)
    for y in 0..<self.height {
      for x in 0..<width {
        let (first, second) = across.places[x]
        for c in 0..<3 {
          let (a, b) = (pixels[(y * self.width + first) * 3 + c], pixels[(y * self.width + second) * 3 + c])
          rows[y * row + 3 * x + c] = Float(a) + (Float(b) - Float(a)) * across.parts[x]
        }
      }
    }
    var out = [Float](repeating: 0, count: height * row)
    for y in 0..<height {
      let (first, second) = down.places[y]
      for i in 0..<row {
        let (a, b) = (rows[first * row + i], rows[second * row + i])
        out[y * row + i] = a + (b - a) * down.parts[y]
      }
    }
    return ImageLevels(width: width, height: height, levels: out)
  }
}

/// The two pixels between which each of the resized image's lies, along one side, and the second's part of it.
private struct Neighbours {
  var places: [(Int, Int)] = []
  var parts: [Float] = []

  init(from: Int, to: Int) {
    let step = Float(from) / Float(to)
    for index in 0..<to {
      let at = (Float(index) + 0.5) * step - 0.5
      let low = at.rounded(.down)
      places.append((max(Int(low), 0), min(Int(low) + 1, from - 1)))
      parts.append(at - low)
    }
  }
}
