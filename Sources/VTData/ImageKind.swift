import CImaging
import Foundation
import VTCheckpoint

/// The image formats that VTKit reads. A file's first bytes decide its format.
package enum ImageKind: String, Sendable, CaseIterable {
  case jpeg
  case png
  case webp
  case bmp
  case tiff
  case gif

  /// For people.
  package static let list = "JPEG, PNG, WebP, BMP, TIFF or GIF"

  /// Bytes that are enough to tell.
  static let headLength = 18

  /// - Parameter head: a file's first bytes.
  init?(head: some Collection<UInt8>) {
    let bytes = Array(head.prefix(Self.headLength))
    func holds(_ text: String, at offset: Int = 0) -> Bool {
      bytes.dropFirst(offset).starts(with: Array(text.utf8))
    }
    if bytes.starts(with: [0xFF, 0xD8]) {
      self = .jpeg
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      self = .png
    } else if holds("RIFF"), holds("WEBP", at: 8) {
      self = .webp
    } else if holds("BM"), bytes.count >= 18, [12, 40, 52, 56, 64, 108, 124].contains(bytes[14]),
      bytes[15...17].allSatisfy({ $0 == 0 })
    {
      self = .bmp
    } else if holds("II*\0") || holds("MM\0*") || holds("II+\0") || holds("MM\0+") {
      self = .tiff
    } else if holds("GIF87a") || holds("GIF89a") {
      self = .gif
    } else {
      return nil
    }
  }

  /// The kind of a file, nil where it cannot be opened or is none of these.
  init?(file path: String) {
    let descriptor = EncodedImage.open(path)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var head = [UInt8](repeating: 0, count: Self.headLength)
    let count = read(descriptor, &head, head.count)
    guard count > 0 else { return nil }
    self.init(head: head[..<count])
  }

  /// Whether a file that begins like this is an image whatever its name: cameras' raw files are TIFF with a small
  /// preview in front.
  var isCertain: Bool { self != .tiff }

  /// The C decoder.
  var decode: (UnsafePointer<UInt8>?, Int, UInt64, UnsafeMutablePointer<vt_image>?) -> Int32 {
    switch self {
    case .jpeg: vt_decode_jpeg
    case .png: vt_decode_png
    case .webp: vt_decode_webp
    case .bmp: vt_decode_bmp
    case .tiff: vt_decode_tiff
    case .gif: vt_decode_gif
    }
  }
}
