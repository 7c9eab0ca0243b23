import Foundation
import Testing
import TestSupport
import VTCheckpoint
import VTCore

@testable import VTData

/// Parts of images that are decoded without the rest.
struct EncodedImageTests {
  static let reference = try! ReferenceCase("augment")
  static let folder = reference.folder

  static let boxes = [
    CropBox(left: 0, top: 0, width: 500, height: 333),
    CropBox(left: 37, top: 21, width: 300, height: 200),
    CropBox(left: 463, top: 300, width: 37, height: 33),
    CropBox(left: 100, top: 0, width: 8, height: 333),
    CropBox(left: 499, top: 332, width: 1, height: 1),
  ]

  /// A part is what cutting it from the whole gives, to the bit.
  @Test(arguments: ["d_420.jpg", "d_444.jpg", "d.png"])
  func partsAreThoseOfTheWhole(_ name: String) throws {
    let path = Self.folder + "/" + name
    let (file, whole) = (try EncodedImage(path), try Image.load(path))
    for box in Self.boxes {
      let part = try file.part(atLeast: 400) { width, height in
        #expect(width == 500 && height == 333)
        return box
      }
      #expect(part == whole.part(box), "\(box)")
    }
  }

  /// A shrunk part shows what the whole does there, and is no smaller than asked.
  @Test(arguments: [(300, 1), (100, 2), (50, 4), (25, 8)])
  func shrunkPartsLookAlike(_ size: Int, _ shrink: Int) throws {
    let path = Self.folder + "/d_420.jpg"
    let box = CropBox(left: 40, top: 16, width: 400, height: 304)
    let part = try EncodedImage(path).part(atLeast: size) { _, _ in box }
    #expect(part.width == 400 / shrink && part.height == 304 / shrink)
    #expect(min(part.width, part.height) >= size)
    let expected = try Image.load(path).part(box).resized(width: 100, height: 76, .bilinear)
    let actual = try part.resized(width: 100, height: 76, .bilinear)
    let difference = zip(actual.pixels, expected.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    #expect(Double(difference) / Double(actual.pixels.count) < 6, "of 255, at 1/\(shrink)")
  }

  /// Files that the camera turned are upright before a part is chosen.
  @Test func turnedFilesAreUprightFirst() throws {
    let entries = Self.reference.document["decode"]?.array ?? []
    let turned = entries.compactMap { $0["file"]?.string }.filter {
      $0.contains("exif") || $0.contains("orient")
    }
    #expect(!turned.isEmpty)
    for name in turned {
      let whole = try Image.load(Self.folder + "/" + name)
      let part = try EncodedImage(Self.folder + "/" + name).part(atLeast: 1000) { width, height in
        #expect(width == whole.width && height == whole.height)
        return CropBox(left: 0, top: 0, width: width, height: height)
      }
      #expect(part == whole)
    }
  }

  // MARK: Images made to take memory and time

  private static func noise(_ width: Int, _ height: Int) -> Image {
    var state: UInt32 = 7
    let pixels = (0..<width * height * 3).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  /// Growing and shrinking, along one axis or both, rows first or columns first; windows inside and over the border.
  @Test(arguments: [Resampler.pillow, .torchvision, .opencv], [Interpolation.bilinear, .bicubic, .nearest])
  func aWindowOfAResizedImageHasTheSameBits(_ resampler: Resampler, _ interpolation: Interpolation) throws {
    for (from, to) in [
      ((31, 17), (20, 40)), ((31, 17), (31, 9)), ((31, 17), (12, 17)), ((8, 90), (24, 30)),
      ((40, 40), (13, 11)),
      ((5, 7), (50, 70)), ((9, 9), (9, 9)),
    ] {
      let image = Self.noise(from.0, from.1)
      let whole = try image.resized(width: to.0, height: to.1, interpolation, resampler: resampler)
      for box in [
        CropBox(left: 0, top: 0, width: to.0, height: to.1),
        CropBox(left: 3, top: 2, width: 5, height: 6),
        CropBox(left: to.0 - 4, top: to.1 - 3, width: 4, height: 3),
        CropBox(left: -3, top: 1, width: to.0 + 7, height: 4),
        CropBox(left: 1, top: -2, width: 2, height: to.1 + 3),
      ] {
        let part = try image.resized(
          width: to.0, height: to.1, interpolation, resampler: resampler, window: box)
        #expect(part == whole.part(box), "\(from) to \(to), \(box)")
      }
    }
  }

  @Test func anImageThatWouldGrowBeyondMemoryIsRefused() throws {
    let line = Image(width: 1, height: 1_000_000, pixels: [UInt8](repeating: 9, count: 3_000_000))
    for resampler in [Resampler.pillow, .torchvision, .opencv] {
      var preprocessing = Preprocessing(imageSize: 224)
      preprocessing.resampler = resampler
      preprocessing.interpolation = .bilinear
      let failure = #expect(throws: Failure.self) { try preprocessing.evaluationImage(line) }
      #expect(failure?.problem.contains("too long and narrow") == true)
    }
    var plain = Preprocessing(imageSize: 224, interpolation: .bilinear)
    plain.antialias = false
    #expect(throws: Failure.self) { try plain.evaluationImage(line) }
    // A strip that fits is cut to its middle without its ends being computed.
    let strip = Image(width: 4, height: 4000, pixels: [UInt8](repeating: 9, count: 48000))
    let prepared = try Preprocessing(imageSize: 64, interpolation: .bicubic).evaluationImage(strip)
    #expect(prepared.count == 64 * 64 * 3)
  }

  @Test func aJPEGOfThousandsOfScansIsRefused() throws {
    let original = try Data(
      contentsOf: URL(fileURLWithPath: Fixtures.reference + "/augment/a_progressive.jpg"))
    let bytes = [UInt8](original)
    // The last scan: from its marker to the end of the image.
    let last = try #require((0..<bytes.count - 1).last { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA })
    let scan = Array(bytes[last..<bytes.count - 2])
    let folder = try TemporaryFolder()
    let path = folder.file("scans.jpg")
    var many = Array(bytes[..<last])
    for _ in 0..<3000 { many += scan }
    many += [0xFF, 0xD9]
    try Data(many).write(to: URL(fileURLWithPath: path))
    let failure = #expect(throws: Failure.self) { try Image.load(path) }
    #expect(failure?.problem.contains("scans") == true, "\(failure?.problem ?? "")")
    _ = try Image.load(Fixtures.reference + "/augment/a_progressive.jpg")
  }
}
