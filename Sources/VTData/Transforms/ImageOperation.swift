import CImaging
import Foundation
import VTCore

/// A change of an image's colours or geometry with its argument, of which policies are made. The image keeps its size,
/// and the result is Pillow's to the bit.
package enum ImageOperation: Sendable, Equatable {
  case identity
  /// Each channel's darkest level becomes 0, its brightest 255.
  case autoContrast
  /// Evens out each channel's histogram.
  case equalize
  case invert
  /// Keeps so many upper bits of each level. Without any the image is black, with eight or more it stays.
  case posterize(bits: Int)
  /// Inverts levels from the threshold on.
  case solarize(threshold: Double)
  /// Adds to levels below 128.
  case solarizeAdd(Int)
  /// 0 gives a gray image, 1 the same, more than 1 stronger colours.
  case color(Double)
  /// 0 gives an image of one gray, 1 the same, more than 1 more contrast.
  case contrast(Double)
  /// 0 gives a black image, 1 the same, more than 1 a brighter one.
  case brightness(Double)
  /// 0 gives a smoothed image, 1 the same, more than 1 a sharper one.
  case sharpness(Double)
  /// Turns the hue, by a part of a full turn: -0.5 to 0.5.
  case hue(Double)
  case grayscale
  /// The deviation, in pixels.
  case gaussianBlur(Double)
  /// Counter-clockwise about the centre.
  case rotate(degrees: Double)
  /// The pixel (x, y) becomes that of (x + factor * y, y).
  case shearX(Double)
  /// The pixel (x, y) becomes that of (x, y + factor * x).
  case shearY(Double)
  /// The pixel (x, y) becomes that of (x + distance, y), in pixels.
  case translateX(Double)
  /// The pixel (x, y) becomes that of (x, y + distance), in pixels.
  case translateY(Double)
}

/// How operations fill the gaps when they move pixels.
package struct GeometrySettings: Sendable, Equatable {
  /// The colour of what comes from outside of the image, as red, green, blue.
  package var fill: [UInt8] = [128, 128, 128]
  package var interpolation = Interpolation.bicubic

  package init(fill: [UInt8] = [128, 128, 128], interpolation: Interpolation = .bicubic) {
    precondition(fill.count == 3)
    (self.fill, self.interpolation) = (fill, interpolation)
  }

  /// As timm has it: the mean colour, which becomes 0, and the interpolation by which images are resized.
  package init(_ preprocessing: Preprocessing) {
    let mean = preprocessing.channelOrder == .bgr ? preprocessing.mean.reversed() : preprocessing.mean
    let levels = mean.map {
      UInt8(min(255, max(0, (255 * $0 / preprocessing.scale).rounded(.toNearestOrEven))))
    }
    self.init(
      fill: levels.count == 3 ? levels : [UInt8](repeating: levels[0], count: 3),
      interpolation: preprocessing.interpolation)
  }
}

extension Image {
  /// - Throws: `Failure` where memory is short.
  package func applying(_ operation: ImageOperation, _ geometry: GeometrySettings) throws -> Image {
    if let table = levelTable(operation) {
      return changed { vt_lookup_rgb($0, $1, width * height, table) }
    }
    if let matrix = operation.matrix(width: width, height: height) { return try moved(matrix, geometry) }
    return switch operation {
    case .color(let factor): changed { vt_saturate_rgb($0, $1, width * height, Float(factor)) }
    case .sharpness(let factor): changed { vt_sharpen_rgb($0, $1, width, height, Float(factor)) }
    case .hue(let turn):
      changed { vt_shift_hue_rgb($0, $1, width * height, UInt8(truncatingIfNeeded: Int(turn * 255))) }
    case .grayscale: gray()
    case .gaussianBlur(let deviation):
      try changed {
        guard vt_gaussian_blur_rgb($0, $1, width, height, Float(deviation)) == 0 else { throw Self.shortage }
      }
    default: self
    }
  }

  private static var shortage: Failure { Failure(.resource, "not enough memory to augment an image") }

  private func changed(_ body: (UnsafeMutablePointer<UInt8>, UnsafePointer<UInt8>) throws -> Void) rethrows
    -> Image
  {
    guard !pixels.isEmpty else { return self }
    let result = try [UInt8](unsafeUninitializedCapacity: pixels.count) { out, written in
      try pixels.withUnsafeBufferPointer { try body(out.baseAddress!, $0.baseAddress!) }
      written = pixels.count
    }
    return Image(width: width, height: height, pixels: result)
  }

  private func moved(_ matrix: [Double], _ geometry: GeometrySettings) throws -> Image {
    let filter =
      switch geometry.interpolation {
      case .nearest: VT_FILTER_NEAREST
      case .bilinear: VT_FILTER_BILINEAR
      case .bicubic: VT_FILTER_BICUBIC
      }
    return try changed {
      guard vt_affine_rgb($0, $1, width, height, matrix, geometry.fill, filter) == 0 else {
        throw Self.shortage
      }
    }
  }
}

extension ImageOperation {
  /// Where pixels come from: (a x + b y + c, d x + e y + f).
  fileprivate func matrix(width: Int, height: Int) -> [Double]? {
    switch self {
    case .shearX(let factor): [1, factor, 0, 0, 1, 0]
    case .shearY(let factor): [1, 0, 0, factor, 1, 0]
    case .translateX(let distance): [1, 0, distance, 0, 1, 0]
    case .translateY(let distance): [1, 0, 0, 0, 1, distance]
    case .rotate(let degrees): Self.rotation(degrees, Double(width) / 2, Double(height) / 2)
    default: nil
    }
  }

  /// Pillow's steps, with sine and cosine rounded to 15 decimals.
  private static func rotation(_ degrees: Double, _ x: Double, _ y: Double) -> [Double] {
    func rounded(_ value: Double) -> Double { Double(String(format: "%.15f", value)) ?? value }
    var turn = fmod(degrees, 360)
    if turn < 0 { turn += 360 }
    let angle = -(turn * (Double.pi / 180))
    let (cosine, sine, back) = (rounded(cos(angle)), rounded(sin(angle)), rounded(-sin(angle)))
    return [cosine, sine, cosine * -x + sine * -y + x, back, cosine, back * -x + cosine * -y + y]
  }
}
