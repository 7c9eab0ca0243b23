extension Image {
  /// Resized as OpenCV's `resize` does with bytes and INTER_LINEAR, to the bit: no antialiasing, weights of 11 bits, and
  /// halfway four bits fewer than the sums have.
  func resizedAsOpenCV(width: Int, height: Int) -> Image {
    if (width, height) == (self.width, self.height) { return self }
    let across = OpenCVTaps(from: self.width, to: width, stopsAtEdges: true)
    let down = OpenCVTaps(from: self.height, to: height, stopsAtEdges: false)
    var out = [UInt8](repeating: 0, count: width * height * 3)
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<3 {
          func sum(_ row: Int) -> Int32 {
            let from = min(max(row, 0), self.height - 1) * self.width
            let first = across.places[x]
            let second = min(first + 1, self.width - 1)
            return Int32(pixels[(from + first) * 3 + c]) * across.weights[x].0
              + Int32(pixels[(from + second) * 3 + c]) * across.weights[x].1
          }
          let upper = (down.weights[y].0 * (sum(down.places[y]) >> 4)) >> 16
          let lower = (down.weights[y].1 * (sum(down.places[y] + 1) >> 4)) >> 16
          out[(y * width + x) * 3 + c] = UInt8((upper + lower + 2) >> 2)
        }
      }
    }
    return Image(width: width, height: height, pixels: out)
  }
}

/// The two neighbours of each pixel along one side, and their weights, of 2048.
private struct OpenCVTaps {
  var places: [Int] = []
  var weights: [(Int32, Int32)] = []

  /// - Parameter stopsAtEdges: whether the last pixel alone counts where the second would lie outside. OpenCV does so along
  ///   rows; along columns it weighs the last row twice, which is rounded twice.
  init(from: Int, to: Int, stopsAtEdges: Bool) {
    let scale = 1 / (Double(to) / Double(from))
    for index in 0..<to {
      let at = Float((Double(index) + 0.5) * scale - 0.5)
      var place = Int(at.rounded(.down))
      var fraction = at - Float(place)
      if stopsAtEdges, place < 0 || place >= from - 1 {
        place = min(max(place, 0), from - 1)
        fraction = 0
      }
      places.append(place)
      func weight(_ part: Float) -> Int32 { Int32((part * 2048).rounded(.toNearestOrEven)) }
      weights.append((weight(1 - fraction), weight(fraction)))
    }
  }
}
