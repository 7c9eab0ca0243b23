import CImaging
import Foundation
import VTCheckpoint
import VTCore

/// A decoded image: 8-bit RGB, row by row.
package struct Image: Sendable, Equatable {
  package let width: Int
  package let height: Int
  /// `height * width * 3` bytes.
  package let pixels: [UInt8]

  /// - Precondition: `pixels` has `height * width * 3` bytes.
  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(pixels.count == width * height * 3)
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}

/// What becomes of transparent pixels.
package enum AlphaHandling: String, Sendable {
  /// Laid over white.
  case overWhite
  /// The colour is taken as it is, as Pillow's `convert("RGB")` does.
  case dropped
}

extension Image {
  /// Suffixes of files that count as images without a look at their content.
  package static let suffixes: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "tif", "tiff", "gif",
  ]

  /// More pixels than any camera's; a file that claims more is refused before memory is taken.
  static let maximumPixels: UInt64 = 178_956_970

  /// How many pixels a file of so many bytes may have. A few bytes can encode all pixels of an image of one colour: a
  /// large image needs a byte for 256 of them (JPEG's densest blocks take one for 85), or it is made to fill memory.
  static func maximumPixels(inBytes count: Int) -> UInt64 {
    min(maximumPixels, max(1 << 25, UInt64(count) * 256))
  }

  /// Decodes an image file, by its content.
  /// - Parameter appliesOrientation: whether the EXIF orientation turns the image upright.
  /// - Throws: `Failure` naming the file.
  package static func load(
    _ path: String, alpha: AlphaHandling = .overWhite, appliesOrientation: Bool = true
  ) throws -> Image {
    try EncodedImage(path, alpha: alpha).image(appliesOrientation: appliesOrientation)
  }

  /// Decodes the bytes of an image file, whose kind their content tells.
  package static func decode(
    _ data: Data, alpha: AlphaHandling = .overWhite, appliesOrientation: Bool = true
  ) throws -> Image {
    var decoded = vt_image()
    guard let kind = ImageKind(head: data.prefix(ImageKind.headLength)) else {
      throw Failure(data.isEmpty ? "the image file is empty" : "not a \(ImageKind.list) image")
    }
    let status = data.withUnsafeBytes { raw in
      let bytes = raw.bindMemory(to: UInt8.self)
      return kind.decode(bytes.baseAddress, bytes.count, maximumPixels(inBytes: bytes.count), &decoded)
    }
    let image = try Image(status: status, decoded: &decoded, alpha: alpha)
    return appliesOrientation ? image.oriented(Int(decoded.orientation)) : image
  }

  /// What a decoder left in `decoded`, whose pixels are freed.
  init(status: Int32, decoded: inout vt_image, alpha: AlphaHandling) throws {
    guard status == 0, let pixels = decoded.pixels else {
      let message = withUnsafeBytes(of: &decoded.message) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw Failure("the image cannot be decoded (\(message))")
    }
    defer { free(pixels) }
    let count = Int(decoded.width) * Int(decoded.height)
    let rgb: [UInt8]
    if decoded.channels == 3 {
      rgb = Array(UnsafeBufferPointer(start: pixels, count: 3 * count))
    } else {
      rgb = [UInt8](unsafeUninitializedCapacity: 3 * count) { out, initialized in
        for i in 0..<count {
          let a = Int(pixels[4 * i + 3])
          for c in 0..<3 {
            let value = Int(pixels[4 * i + c])
            out[3 * i + c] = UInt8(
              alpha == .dropped ? value : (value * a + 255 * (255 - a) + 127) / 255)
          }
        }
        initialized = 3 * count
      }
    }
    self.init(width: Int(decoded.width), height: Int(decoded.height), pixels: rgb)
  }
}
