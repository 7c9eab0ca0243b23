/// A picture after resizing and cropping, before its numbers are the network's.
public enum PreparedPicture: Sendable {
  case pixels(Picture)
  case levels(PictureLevels)

  /// How many numbers it has: height * width * 3.
  var count: Int {
    switch self {
    case .pixels(let picture): picture.pixels.count
    case .levels(let picture): picture.levels.count
    }
  }
}

/// A picture whose levels, 0 to 255, are not rounded to bytes: what TensorFlow's `tf.image.resize` makes.
public struct PictureLevels: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// `height * width * 3` numbers, RGB, row by row.
  public let levels: [Float]

  /// As `Picture.centerCropped`.
  func centerCropped(_ size: Int, halvesDown: Bool) -> PictureLevels {
    let left = Picture.cropOffset(width, size, halvesDown: halvesDown)
    let top = Picture.cropOffset(height, size, halvesDown: halvesDown)
    if (left, top, width, height) == (0, 0, size, size) { return self }
    var out = [Float](repeating: 0, count: size * size * 3)
    for y in max(0, -top)..<max(0, -top, min(size, height - top)) {
      for x in max(0, -left)..<max(0, -left, min(size, width - left)) {
        for c in 0..<3 { out[(y * size + x) * 3 + c] = levels[((y + top) * width + x + left) * 3 + c] }
      }
    }
    return PictureLevels(width: size, height: size, levels: out)
  }
}

extension Picture {
  /// Resized without antialiasing, pixel centres at halves, as `tf.image.resize` does.
  /// - Parameter interpolation: `bilinear`, or `bicubic` (Keys' cubic with a = -0.5).
  func interpolated(width: Int, height: Int, _ interpolation: Interpolation) -> PictureLevels {
    let across = Taps(from: self.width, to: width, interpolation)
    let down = Taps(from: self.height, to: height, interpolation)
    var rows = [Float](repeating: 0, count: self.height * width * 3)
    for y in 0..<self.height {
      for x in 0..<width {
        for c in 0..<3 {
          var sum: Float = 0
          for k in 0..<across.count {
            sum +=
              across.weights[x * across.count + k]
              * Float(pixels[(y * self.width + across.places[x * across.count + k]) * 3 + c])
          }
          rows[(y * width + x) * 3 + c] = sum
        }
      }
    }
    var out = [Float](repeating: 0, count: height * width * 3)
    let row = width * 3
    for y in 0..<height {
      for k in 0..<down.count {
        let (weight, from) = (down.weights[y * down.count + k], down.places[y * down.count + k] * row)
        for i in 0..<row { out[y * row + i] += weight * rows[from + i] }
      }
    }
    return PictureLevels(width: width, height: height, levels: out)
  }

  /// Which pixels make up one of the resized picture's, along one side.
  private struct Taps {
    let count: Int
    var places: [Int] = []
    var weights: [Float] = []

    init(from: Int, to: Int, _ interpolation: Interpolation) {
      count = interpolation == .bicubic ? 4 : 2
      let first = interpolation == .bicubic ? -1 : 0
      let step = Float(from) / Float(to)
      for index in 0..<to {
        let at = (Float(index) + 0.5) * step - 0.5
        let low = Int(at.rounded(.down))
        var found: [Float] = []
        for k in first..<first + count {
          let place = low + k
          let weight = Self.weight(at - Float(place), interpolation)
          places.append(min(max(place, 0), from - 1))
          // The cubic leaves out what lies outside; lines go on with the edge's pixel.
          found.append(interpolation == .bicubic && !(0..<from).contains(place) ? 0 : weight)
        }
        let sum = found.reduce(0, +)
        weights += found.map { $0 / sum }
      }
    }

    private static func weight(_ distance: Float, _ interpolation: Interpolation) -> Float {
      let x = distance.magnitude
      if interpolation == .bilinear { return max(0, 1 - x) }
      if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
    }
  }
}
