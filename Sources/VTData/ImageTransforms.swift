import CImaging
import VTCheckpoint
import VTCore

/// How pixels between pixels are computed when resizing.
package enum Interpolation: String, Sendable, CaseIterable {
  case bilinear
  case bicubic
  /// The pixel that lies there.
  case nearest
}

/// Whose arithmetic resizes images; results differ by one level in few pixels.
package enum Resampler: String, Sendable {
  case pillow
  /// torchvision's for 8-bit tensors on CPUs, which transformers 5 uses.
  case torchvision
  /// OpenCV's, which leaves pixels out where images shrink; bilinear alone, the others are Pillow's.
  case opencv
}

extension Image {
  /// Turned and mirrored as EXIF orientation 1 to 8 asks.
  func oriented(_ orientation: Int) -> Image {
    guard (2...8).contains(orientation) else { return self }
    let swaps = orientation >= 5
    let (w, h) = swaps ? (height, width) : (width, height)
    var out = [UInt8](repeating: 0, count: pixels.count)
    for y in 0..<h {
      for x in 0..<w {
        let (sx, sy) =
          switch orientation {
          case 2: (width - 1 - x, y)
          case 3: (width - 1 - x, height - 1 - y)
          case 4: (x, height - 1 - y)
          case 5: (y, x)
          case 6: (y, height - 1 - x)
          case 7: (width - 1 - y, height - 1 - x)
          default: (width - 1 - y, x)
          }
        let (to, from) = ((y * w + x) * 3, (sy * width + sx) * 3)
        for c in 0..<3 { out[to + c] = pixels[from + c] }
      }
    }
    return Image(width: w, height: h, pixels: out)
  }

  /// Each pixel's luminance in all three channels (ITU-R BT.601, rounded as Pillow's `convert("L")` rounds).
  func gray() -> Image {
    var out = pixels
    for at in stride(from: 0, to: pixels.count, by: 3) {
      let (red, green, blue) = (UInt32(pixels[at]), UInt32(pixels[at + 1]), UInt32(pixels[at + 2]))
      let luminance = UInt8((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
      (out[at], out[at + 1], out[at + 2]) = (luminance, luminance, luminance)
    }
    return Image(width: width, height: height, pixels: out)
  }

  /// Resized as Pillow does, as torchvision does with tensors, or as OpenCV does, to the bit.
  /// - Throws: `Failure` where the result would be too large.
  package func resized(
    width: Int, height: Int, _ interpolation: Interpolation, resampler: Resampler = .pillow
  ) throws -> Image {
    try resized(
      width: width, height: height, interpolation, resampler: resampler,
      window: CropBox(left: 0, top: 0, width: width, height: height))
  }

  /// The same, and of the result only what `window` has; black where that reaches outside. A long and narrow image
  /// may grow beyond all memory, and no more of it is computed than a crop keeps.
  /// - Throws: `Failure` where the result would be too large.
  func resized(
    width: Int, height: Int, _ interpolation: Interpolation, resampler: Resampler, window: CropBox
  ) throws -> Image {
    precondition(width > 0 && height > 0)
    if width == self.width && height == self.height { return part(window) }
    let isWhole = interpolation == .nearest || (resampler == .opencv && interpolation == .bilinear)
    guard max(width, height) <= Self.longestSide else { throw tooLong(width, height) }
    if isWhole {
      try checkSize(width, height)
      let whole =
        interpolation == .nearest
        ? nearest(width: width, height: height) : resizedAsOpenCV(width: width, height: height)
      return whole.part(window)
    }
    let left = max(0, window.left)
    let top = max(0, window.top)
    let inside = CropBox(
      left: left, top: top, width: min(width, window.left + window.width) - left,
      height: min(height, window.top + window.height) - top)
    precondition(inside.width > 0 && inside.height > 0)
    let out = try [UInt8](unsafeUninitializedCapacity: inside.width * inside.height * 3) { buffer, count in
      let status = vt_resize_rgb(
        buffer.baseAddress, width, height,
        vt_window(left: inside.left, top: inside.top, width: inside.width, height: inside.height),
        pixels, self.width, self.height,
        interpolation == .bicubic ? VT_FILTER_BICUBIC : VT_FILTER_BILINEAR,
        resampler == .torchvision ? 1 : 0)
      guard status == 0 else {
        throw Failure(.resource, "not enough memory to resize an image")
      }
      count = inside.width * inside.height * 3
    }
    return Image(width: inside.width, height: inside.height, pixels: out).part(
      CropBox(
        left: window.left - left, top: window.top - top, width: window.width, height: window.height))
  }

  /// More pixels than any image has along a side.
  private static let longestSide = 1 << 20

  /// - Throws: `Failure` where an image of this size would be too large to be kept whole.
  func checkSize(_ width: Int, _ height: Int) throws {
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, area <= Self.maximumPixels else { throw tooLong(width, height) }
  }

  private func tooLong(_ width: Int, _ height: Int) -> Failure {
    Failure(
      "the image is too long and narrow: its \(self.width) x \(self.height) pixels would become \(width) x \(height)",
      hint: "crop it")
  }

  /// Pillow walks along rows and columns by adding up steps, and the rounding shows.
  private func nearest(width: Int, height: Int) -> Image {
    func places(_ from: Int, _ to: Int) -> [Int] {
      let step = Double(from) / Double(to)
      var at = step * 0.5
      return (0..<to).map { _ in
        defer { at += step }
        return min(Int(at), from - 1)
      }
    }
    let columns = places(self.width, width)
    var out: [UInt8] = []
    out.reserveCapacity(width * height * 3)
    for y in places(self.height, height) {
      for x in columns {
        let from = (y * self.width + x) * 3
        out.append(contentsOf: pixels[from..<from + 3])
      }
    }
    return Image(width: width, height: height, pixels: out)
  }

  /// The part whose upper left corner is (`left`, `top`); black where it reaches outside.
  package func cropped(left: Int, top: Int, width: Int, height: Int) -> Image {
    var out = [UInt8](repeating: 0, count: width * height * 3)
    for y in max(0, -top)..<max(max(0, -top), min(height, self.height - top)) {
      let first = max(0, -left)
      let last = min(width, self.width - left)
      if first >= last { continue }
      let from = ((y + top) * self.width + first + left) * 3
      let to = (y * width + first) * 3
      let count = (last - first) * 3
      out.replaceSubrange(to..<to + count, with: pixels[from..<from + count])
    }
    return Image(width: width, height: height, pixels: out)
  }

  /// Mirrored left to right.
  package func flipped() -> Image { oriented(2) }

  /// Both sides `size`, or the shorter one and the longer in proportion, cut down to whole pixels (torchvision's
  /// `Resize`).
  func size(resizedTo size: Int, squashed: Bool) -> (width: Int, height: Int) {
    if squashed { return (size, size) }
    let short = min(width, height)
    let long = max(1, Int(Double(size) * Double(max(width, height)) / Double(short)))
    return width <= height ? (size, long) : (long, size)
  }

  /// The shorter side made `size`, the longer one in proportion.
  package func resized(shorterSide size: Int, _ interpolation: Interpolation) throws -> Image {
    let (width, height) = self.size(resizedTo: size, squashed: false)
    return try resized(width: width, height: height, interpolation)
  }

  /// The square in the middle (torchvision's `CenterCrop`); smaller images get a black border.
  /// - Parameter halvesDown: whether an odd rest leaves less in front, as in transformers; torchvision rounds halves to
  ///   even.
  package func centerCropped(_ size: Int, halvesDown: Bool = false) -> Image {
    part(Self.centerBox(width: width, height: height, size, halvesDown: halvesDown))
  }

  /// What `centerCropped` keeps of an image.
  static func centerBox(width: Int, height: Int, _ size: Int, halvesDown: Bool) -> CropBox {
    CropBox(
      left: cropOffset(width, size, halvesDown: halvesDown),
      top: cropOffset(height, size, halvesDown: halvesDown), width: size, height: size)
  }

  /// Where a crop of `size` out of `length` begins.
  static func cropOffset(_ length: Int, _ size: Int, halvesDown: Bool) -> Int {
    let rest = length - size
    // A border is split the other way round.
    if rest < 0 { return rest / 2 }
    return halvesDown ? rest / 2 : Int((Double(rest) / 2).rounded(.toNearestOrEven))
  }
}
