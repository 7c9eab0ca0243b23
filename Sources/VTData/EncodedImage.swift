import CImaging
import Foundation
import VTCheckpoint
import VTCore

/// An image that is not decoded yet, a file's content mostly; of a JPEG file, a part can be had without the rest.
package struct EncodedImage {
  private let content: Content
  private let name: String
  private let alpha: AlphaHandling

  /// - Throws: `Failure` naming the file where it cannot be opened.
  package init(_ path: String, alpha: AlphaHandling = .overWhite) throws {
    try self.init(Self.map(path), name: path, alpha: alpha)
  }

  /// - Parameter name: the file's, for messages.
  package init(_ data: Data, name: String, alpha: AlphaHandling = .overWhite) {
    (content, self.name, self.alpha) = (.file(data), name, alpha)
  }

  /// An image of a source that keeps pixels rather than files.
  package init(_ image: Image, name: String) {
    (content, self.name, alpha) = (.pixels(image), name, .overWhite)
  }

  private enum Content {
    case file(Data)
    case pixels(Image)
  }

  /// A descriptor to read a file by, below 0 with `errno` set where there is none; pipes are not waited for.
  static func open(_ path: String) -> Int32 {
    path.withFileName { Foundation.open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
  }

  /// A file's bytes, mapped.
  static func map(_ path: String) throws -> Data {
    let descriptor = open(path)
    guard descriptor >= 0 else { throw Failure.system("opening the image", file: path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Failure.system("opening the image", file: path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Failure("not an image but a folder or a device", file: path)
    }
    let count = Int(status.st_size)
    if count == 0 { return Data() }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw Failure.system("reading the image", file: path)
    }
    return Data(bytesNoCopy: start, count: count, deallocator: .unmap)
  }

  /// The whole image, upright where `appliesOrientation`.
  /// - Throws: `Failure` naming the file.
  package func image(appliesOrientation: Bool = true) throws -> Image {
    switch content {
    case .file(let data):
      try located { try Image.decode(data, alpha: alpha, appliesOrientation: appliesOrientation) }
    case .pixels(let image): image
    }
  }

  /// A part of the upright image, at least `size` pixels wide and high where the part itself is, perhaps shrunk: a
  /// JPEG file gives halves, quarters and eighths for little (the DCT's low frequencies), and rows and columns outside
  /// the part are not decoded, so damage there goes unnoticed.
  /// - Parameter box: chosen from the image's width and height; it must be inside.
  /// - Throws: `Failure` naming the file.
  package func part(atLeast size: Int, _ box: (_ width: Int, _ height: Int) -> CropBox) throws -> Image {
    switch content {
    case .file(let data): return try located { try part(of: data, atLeast: size, box) }
    case .pixels(let image): return image.part(box(image.width, image.height))
    }
  }

  private func part(
    of data: Data, atLeast size: Int, _ box: (_ width: Int, _ height: Int) -> CropBox
  ) throws -> Image {
    var header = vt_image()
    let status = data.withUnsafeBytes { raw -> Int32 in
      let bytes = raw.bindMemory(to: UInt8.self)
      guard data.starts(with: [0xFF, 0xD8]) else { return -1 }
      return vt_read_jpeg_size(
        bytes.baseAddress, bytes.count, Image.maximumPixels(inBytes: bytes.count), &header)
    }
    // Turned files, and what is not a JPEG, are decoded whole.
    guard status == 0, header.orientation == 1 else {
      let whole = try Image.decode(data, alpha: alpha)
      return whole.part(box(whole.width, whole.height))
    }
    let part = box(Int(header.width), Int(header.height))
    let shrink = [8, 4, 2].first { min(part.width, part.height) / $0 >= size } ?? 1
    let (left, top) = (part.left / shrink, part.top / shrink)
    var decoded = vt_image()
    let result = data.withUnsafeBytes { raw in
      let bytes = raw.bindMemory(to: UInt8.self)
      return vt_decode_jpeg_region(
        bytes.baseAddress, bytes.count, Image.maximumPixels(inBytes: bytes.count),
        vt_region(
          shrink: UInt32(shrink), left: UInt32(left), top: UInt32(top),
          width: UInt32((part.left + part.width + shrink - 1) / shrink - left),
          height: UInt32((part.top + part.height + shrink - 1) / shrink - top)),
        &decoded)
    }
    return try Image(status: result, decoded: &decoded, alpha: alpha)
  }

  private func located(_ body: () throws -> Image) throws -> Image {
    do { return try body() } catch let failure as Failure { throw failure.located(file: name) }
  }
}

/// A rectangle of an image, in pixels.
package struct CropBox: Equatable, Sendable {
  package var left, top, width, height: Int

  package init(left: Int, top: Int, width: Int, height: Int) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }
}

extension Image {
  /// What is inside `box`, black where it reaches outside; the image itself where that is all of it.
  func part(_ box: CropBox) -> Image {
    box == CropBox(left: 0, top: 0, width: width, height: height)
      ? self : cropped(left: box.left, top: box.top, width: box.width, height: box.height)
  }
}
